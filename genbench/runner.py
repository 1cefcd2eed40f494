"""One run from its spec to its rows: make, train, evaluate, write. Runs wherever an executor is.

Whatever goes wrong in a plugin ends the run with a status, a reason and a row; what had been
measured before stays.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import torch

from genbench import checkpoint, curve, data, environment, plan, trained_before, weights
from genbench.checkpoint import Content, TrainingCheckpoints
from genbench.contract import CurvePoint, History, Weights, has
from genbench.errors import ContractError, PluginError, StoreError
from genbench.evaluate import Ruler, checked_metric, evaluate, fit
from genbench.evidence import RunEvidence
from genbench.folder import RunFolder
from genbench.interrupts import Interrupts
from genbench.job import Job, Outcome
from genbench.leaderboard import rows, store
from genbench.leaderboard.rows import Point
from genbench.leaderboard.schema import Row
from genbench.listeners import Listeners
from genbench.listeners.curve import CurveWriter
from genbench.listeners.pictures import SampleGrid
from genbench.plan import RunSpec
from genbench.reference import Reference
from genbench.run_state import RunState, length
from genbench.saved_training import SavedTraining
from genbench.streams import seed_global, separate
from genbench.train import Trainer
from genbench.verdict import judge

KINDS: tuple[Weights, ...] = ("average", "last")

FINAL = ("checkpoint_sha256", "weights", "history")
"""What ``run.json`` says of the final weights."""

OF_THE_DATA = ("dataset_fingerprint", "data")
"""What it says of the data that they are for."""


def run(
    job: Job,
    listeners: Sequence[object] = (),
    *,
    debug: bool = False,
    interrupts: Interrupts | None = None,
) -> Outcome:
    """Run a job in this process, to its rows in the leaderboard.

    A run whose folder holds a checkpoint goes on from it, and ends with the numbers that it would
    have had.

    Args:
        job: what to run.
        listeners: hook implementations to hear of it, beside the core's own and those of plugins.
        debug: let exceptions of plugins through, after the row has been written.
        interrupts: what asks the run to end; None: nothing does but a KeyboardInterrupt.
    """
    return _Run(job, listeners, interrupts or Interrupts()).go(debug)


class _Run:
    def __init__(self, job: Job, listeners: Sequence[object], interrupts: Interrupts) -> None:
        self.job = job
        self.interrupts = interrupts
        self.spec = job.spec
        self.folder = job.folder
        self.listeners = Listeners([CurveWriter(), SampleGrid(), *listeners])
        self.rows: list[Row] = []
        self.base: Row = {"device": "unknown"}
        self.record: dict[str, Any] = {}
        self.history = History()
        self.trainer: Trainer | None = None
        self.evaluation_seconds = 0.0
        self.resumed_at: int | None = None

    def go(self, debug: bool) -> Outcome:
        spec = self.spec
        earlier = self.folder.read() or {}
        self.record = {
            "run_id": spec.run_id,
            "training_id": spec.training_id,
            "status": "running",
            "reason": None,
            "started": _now(),
            "spec": spec.model_dump(mode="json"),
            "fresh": self.job.fresh,
            # Until there are others: the final weights that an earlier try of this run left.
            **{key: earlier[key] for key in (*FINAL, *OF_THE_DATA) if key in earlier},
        }
        self.folder.write(self.record)
        # What goes wrong below is read in the log: whose code it was stands at its head.
        _log(f"{spec.run_id}\n{_cast(spec)}")
        self._tell("run_started", spec=self.record["spec"])
        status, reason, raised = "ok", None, None
        try:
            with self.interrupts.during_a_run():
                self._run()
        except (Exception, KeyboardInterrupt, SystemExit) as error:
            raised = error
            status, reason = judge(error)
            _log("".join(traceback.format_exception(error)))
        folder = self._finish(status, reason)
        if debug and raised is not None:
            raise raised
        return Outcome(
            run_id=spec.run_id,
            status=status,
            reason=reason,
            folder=folder.path,
            resumed_at=self.resumed_at,
        )

    def _tell(self, hook: str, **arguments: Any) -> None:
        self.listeners.notify(hook, run_id=self.spec.run_id, folder=self.folder.path, **arguments)

    # ------------------------------------------------------------------ the run, step by step

    def _run(self) -> None:
        if self.spec.problem:
            plan.raise_problem(self.spec)
        self.device = environment.choose_device(self.job.device)
        with environment.repeatable(self.device, self.job.threads):
            self._look_around()
            self._prepare()
            self._evaluate_final(self._finished_before() or self._trained_before() or self._train())

    def _look_around(self) -> None:
        """From here on rows know where they were made."""
        here = environment.describe(self.device)
        here |= {
            "runs_per_device": self.job.runs_per_device,
            "git": self.job.git,
        }
        self.base = rows.of_run(self.spec, here, None)
        self.record |= {
            "environment": here,
            "distributions": environment.installed_distributions(),
        }

    def _prepare(self) -> None:
        """Make data, ruler and model."""
        spec = self.spec
        seed_global(spec.seed, "plugins")
        self.loaded = data.load(spec.dataset.name, spec.dataset.make(), self.device)
        self.base["dataset_fingerprint"] = self.loaded.fingerprint
        if self.record.get("dataset_fingerprint", self.loaded.fingerprint) != (
            self.loaded.fingerprint
        ):
            _log("The content of the data set has changed since: this training begins anew.")
            self.record = {k: value for k, value in self.record.items() if k not in FINAL}
        self.record |= {
            "dataset_fingerprint": self.loaded.fingerprint,
            "data": asdict(self.loaded.spec),
        }
        extractor = spec.extractor.make().to(self.device) if spec.extractor else None
        self.ruler = Ruler(
            [(metric, checked_metric(metric.name, metric.make())) for metric in spec.metrics],
            extractor,
            spec.extractor.name if spec.extractor else None,
        )
        self.reference = Reference(
            self.loaded.fingerprint, extractor, spec.extractor and spec.extractor.identity
        )
        self.model = make_model(spec, self.loaded.spec, self.device)

    def _train(self) -> dict[Weights, Any]:
        """Train as the protocol says, the curve measured on the way; return the final states."""
        spec, model = self.spec, self.model
        if not has(model, "train_step"):
            if not has(model, "fit"):
                raise ContractError(f"The {spec.model.plugin.title} has no train_step and no fit.")
            return self._fitted()
        if not has(model, "optimizers"):
            raise ContractError(f"The {spec.model.plugin.title} has train_step but no optimizers.")
        environment.reset_peak_memory(self.device)
        self.trainer = Trainer(model, self.loaded.train, spec.protocol, spec.seed, self._report)
        training = SavedTraining(
            self.trainer,
            self.folder,
            self.interrupts,
            self.job.checkpoint_seconds,
            self._state,
            _log,
        )
        resumed = training.resume(self._why_not_here)
        if resumed is not None:
            self._take_over(resumed)
        states: dict[Weights, Any] = {}
        with training.saved_when_interrupted():
            for fraction in training.points():
                peak = environment.peak_memory_bytes(self.device)
                with separate(spec.seed, "curve", self.device):
                    with (
                        self.trainer.average.swapped_in(),
                        weights.buffers_kept(model),
                        self.interrupts.allowed(),
                    ):
                        states["average"] = self._on_the_curve("average", fraction, peak)
                    with weights.buffers_kept(model), self.interrupts.allowed():
                        states["last"] = self._on_the_curve("last", fraction, peak)
                environment.reset_peak_memory(self.device)
            return self._saved(states)

    # ------------------------------------------------------------------ going on where it stopped

    def _state(self) -> RunState:
        return RunState(self._made(), list(self.rows), self.history, length(self.folder.curve))

    def _made(self) -> dict[str, Any]:
        """Where this run is made, and from what data."""
        here = {key: self.base.get(key) for key in rows.HARDWARE_KEY}
        return here | {"dataset_fingerprint": self.loaded.fingerprint}

    def _why_not_here(self, state: RunState) -> str | None:
        # How many runs share the device counts for no score but those of the hardware.
        here = {k: value for k, value in self._made().items() if k != "runs_per_device"}
        return state.why_not_here(here)

    def _take_over(self, state: RunState) -> None:
        """Rows, history and curve as they were when this was saved."""
        self.rows, self.history = state.rows, state.history
        self.resumed_at = self.trainer.step.images if self.trainer else state.history.images
        # Part of it was measured among as many others.
        self.base["runs_per_device"] = max(
            self.base["runs_per_device"], state.made["runs_per_device"]
        )

    def _finished_before(self) -> dict[Weights, Any] | None:
        """The final weights that an earlier try of this very run left, and its rows up to there."""
        found = trained_before.by_itself(self.folder, self.record, self._why_not_here, _log)
        if found is None:
            return None
        self._take_over(found.state)
        return found.weights

    def _trained_before(self) -> dict[Weights, Any] | None:
        """The weights, history and curve of another run, one that trained exactly this."""
        if self.job.trained_in is None:
            return None
        if any("curve" in metric.needs for _, metric in self.ruler.metrics):
            # That run's curve was measured by its own metrics and extractor.
            _log(f"A metric of the way to the end is measured: {self.job.trained_in} is no help.")
            return None
        source = RunFolder.of(self.job.results, self.job.trained_in)
        found = trained_before.by_another(source, self.folder, self._made(), _log)
        if found is None:
            return None
        self.history = found.state.history
        self.record["trained_in"] = self.job.trained_in
        return self._saved(found.weights)

    # ------------------------------------------------------------------------------- its measures

    def _on_the_curve(self, kind: Weights, fraction: float, peak_memory_bytes: int) -> Any:
        """Measure one point of the curve; return the state that was measured, at the last one."""
        trainer = self.trainer
        assert trainer is not None
        fit_seconds = fit(self.model, self.loaded, self.spec.seed)
        self.history = History(
            images=trainer.step.images,
            train_steps=trainer.step.index,
            train_seconds=trainer.seconds + fit_seconds,
            parameters=_parameters(self.model),
            peak_memory_bytes=max(self.history.peak_memory_bytes, peak_memory_bytes),
            curve=self.history.curve,
        )
        evaluation = self.spec.protocol.evaluation
        evidence = self._evidence(self.loaded.validation, evaluation.curve_samples, kind)
        point = Point("validation", fraction, self.history.images, kind)
        self._add(evidence, [point])
        return weights.snapshot(self.model) if fraction == 1 else None

    def _remember(self, points: Iterable[CurvePoint]) -> None:
        self.history = replace(self.history, curve=(*self.history.curve, *points))

    def _fitted(self) -> dict[Weights, Any]:
        """A model without train steps: fitted once, so that its average is its last state."""
        environment.reset_peak_memory(self.device)
        seconds = fit(self.model, self.loaded, self.spec.seed)
        self.history = History(
            train_seconds=seconds,
            parameters=_parameters(self.model),
            peak_memory_bytes=environment.peak_memory_bytes(self.device),
        )
        return self._saved({"last": weights.snapshot(self.model)})

    def _saved(self, states: dict[Weights, Any]) -> dict[Weights, Any]:
        with self.interrupts.deferred():
            content = Content(weights.joined(states), self._state().as_plain())
            self.record |= {
                "checkpoint_sha256": checkpoint.save(self.folder.checkpoint, content),
                "weights": list(states),
                # Its curve is in the checkpoint, and in curve.csv.
                "history": {k: v for k, v in asdict(self.history).items() if k != "curve"},
            }
            self.folder.write(self.record)
            TrainingCheckpoints(self.folder.path).clear()
        self.interrupts.check()
        return states

    def _evaluate_final(self, states: dict[Weights, Any]) -> None:
        """The reported scores: on the test split, with the protocol's number of samples."""
        samples = self.spec.protocol.evaluation.samples
        for kind, state in states.items():
            weights.restore(self.model, state)
            stands_for = KINDS if len(states) == 1 else (kind,)
            points = [Point("test", 1.0, self.history.images, name) for name in stands_for]
            self._add(self._evidence(self.loaded.test, samples, kind), points)

    # -------------------------------------------------------------------------------- its parts

    def _evidence(self, real: data.DeviceSplit, samples: int, kind: Weights) -> RunEvidence:
        return RunEvidence(
            model=self.model,
            loaded=self.loaded,
            real=real,
            history=self.history,
            weights=kind,
            reference=self.reference,
            sample_count=samples,
            sampling_chunk=self.spec.protocol.evaluation.sampling_chunk,
            seed=self.spec.seed,
        )

    def _add(self, evidence: RunEvidence, points: Sequence[Point]) -> None:
        started = time.perf_counter()
        added: list[Row] = []
        try:
            evaluate(evidence, self.ruler, self.base, points, added)
        finally:
            self.rows += added
            self.evaluation_seconds += time.perf_counter() - started
        if evidence.real is self.loaded.validation:
            self._remember(curve.of_rows(added, self.history))
        for point in points:
            at_point = [row for row in added if row["weights"] == point.weights]
            with separate(self.spec.seed, "listeners", self.device), torch.no_grad():
                self._tell(
                    "evaluated",
                    fraction=point.fraction,
                    weights=point.weights,
                    evidence=evidence,
                    rows=at_point,
                )

    def _report(self, images: int, losses: Mapping[str, float]) -> None:
        assert self.trainer is not None
        if curve.is_kept(self.trainer.step.index, self.spec.protocol.training):
            self._remember(curve.of_losses(losses, images, self.trainer.seconds))
        self.listeners.notify(
            "progressed",
            run_id=self.spec.run_id,
            images=images,
            budget=self.spec.protocol.training.images,
            losses=losses,
        )

    def _finish(self, status: str, reason: str | None) -> RunFolder:
        """Write down how it ended; return the folder that is left."""
        if status != "ok":
            base = self.base if "run_id" in self.base else rows.of_run(self.spec, self.base, None)
            if not self.job.fresh:
                self.rows += rows.missing_from(self.rows, _committed(self.folder))
            self.rows.append(rows.of_failure(base, status, str(reason)))
        self.record |= {
            "status": status,
            "reason": reason,
            "ended": _now(),
            "rows_sha256": rows.digest(self.rows),
            "seconds": {
                "training": self.history.train_seconds,
                "evaluation": self.evaluation_seconds,
            },
        }
        if not self.job.replaces:
            # Rows first: a run counts as complete only once they are there.
            store.commit(self.folder.leaderboard, self.rows)
            self.folder.write(self.record)
        elif status == "ok":
            # The record first: by the hash of its rows whoever comes after a crash in between
            # sees which of the two results they belong to (`RunFolder.settle`).
            self.folder.write(self.record)
            store.commit(self.folder.leaderboard, self.rows)
        else:
            _log("The earlier result of this run was good and is kept.")
            self.folder.write(self.record)
        self._tell("run_ended", status=status, reason=reason)
        if self.job.replaces and status == "ok":
            self.folder.take_the_place_of(self.job.destination)
            return self.job.destination
        return self.folder


def _committed(folder: RunFolder) -> list[Row]:
    """The rows that an earlier try of a run left in the leaderboard."""
    try:
        table = store.read_run(folder.leaderboard, folder.path.name)
    except StoreError:
        return []
    return [] if table is None else store.rows_of(table)


def make_model(spec: RunSpec, data_spec: Any, device: torch.device) -> Any:
    """Construct a run's model from its seed and put it on the device.

    Raises:
        PluginError: it does not take this data, or is no ``nn.Module``.
    """
    seed_global(spec.seed, "initialisation")
    try:
        model = spec.model.make(data_spec)
    except ValueError as error:
        shape = tuple(data_spec.shape)
        raise PluginError(
            f"The {spec.model.plugin.title} does not take {data_spec.kind} data of shape "
            f"{shape} with these options: {error}"
        ) from error
    if not isinstance(model, torch.nn.Module):
        raise ContractError(
            f"The {spec.model.plugin.title} is {type(model).__name__}, not a torch.nn.Module."
        )
    return model.to(device)


def _cast(spec: RunSpec) -> str:
    """Who takes part, with origin, version and hash of the code."""
    everyone = (spec.model, spec.dataset, *spec.metrics, spec.extractor)
    return "\n".join(f"  {p.plugin.title} code {p.code}" for p in everyone if p is not None)


def _log(text: str) -> None:
    # What a run prints is its log; on a full disk the run itself says what happened.
    with contextlib.suppress(OSError):
        print(text, flush=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _parameters(model: torch.nn.Module) -> int:
    """All parameters and floating-point buffers: what fitting or training decided."""
    buffers = sum(b.numel() for b in model.buffers() if b.is_floating_point())
    return sum(p.numel() for p in model.parameters()) + buffers
