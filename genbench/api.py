"""The Python interface: `run` and `load`, the same as the command line."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genbench import checkpoint, environment, plan, protocol, registry, runner, session, status
from genbench import weights as weights_
from genbench.contract import DataSpec, Weights
from genbench.errors import StoreError, UsageError, nearest
from genbench.executors import Executor
from genbench.executors.in_process import InProcessExecutor
from genbench.folder import RunFolder
from genbench.job import Outcome
from genbench.leaderboard import score_names
from genbench.leaderboard.schema import Row
from genbench.plan import RunSpec


@dataclass(frozen=True)
class Result:
    """One run, as `run` gives it back."""

    run_id: str
    status: str
    reason: str | None
    folder: Path
    rows: list[Row] = field(repr=False)
    """As `genbench.leaderboard.schema` describes them."""

    def score(self, name: str, weights: Weights = "average") -> float:
        """A reported score: of the test split, at the end.

        Args:
            name: of the score; METRIC.SCORE where several metrics of the run have one of that name.
            weights: which weights were scored.

        Raises:
            KeyError: this run has no such score; names those that it has.
        """
        final = [row for row in self.rows if row["split"] == "test" and row["fraction"] == 1]
        titles = score_names.titles((row["metric"], row["score"]) for row in final)
        for row in final:
            pair = row["metric"], row["score"]
            if name in (titles[pair], score_names.full(*pair)) and row["weights"] == weights:
                if row["value"] is None:
                    raise KeyError(f"{name}: {row['reason']}")
                return float(row["value"])
        raise KeyError(f"{name}: {nearest(name, set(titles.values()))}")


def run(
    model: str | type | Sequence[str | type],
    *,
    dataset: str | type | None = None,
    protocol: str | protocol.Protocol = "quick",
    metrics: str | type | Sequence[str | type] = (),
    extractor: str | type | None = None,
    seeds: int | Sequence[int] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    results: str | Path = "results",
    device: str = "auto",
    jobs: int = 1,
    threads: int = 1,
    timeout_seconds: float | None = None,
    checkpoint_seconds: float = 60.0,
    fresh: bool = False,
    executor: Executor | None = None,
    listeners: Sequence[object] = (),
) -> list[Result]:
    """Train and evaluate models, and add them to the leaderboard: ``genbench run``.

    Args:
        model: a name, ``file.py:Class``, or a class that stands in a file; or several.
        dataset: likewise; None for the protocol's.
        protocol: a name, a ``.toml`` file, or a `genbench.protocol.Protocol`.
        metrics: likewise names or classes; none for the protocol's.
        extractor: None for the data set's own.
        seeds: how many, or which; None for as many as the protocol says.
        options: by plugin name, as ``--set``.
        results: the results folder.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:0,2``.
        jobs: how many runs share a device, for executors that run several at once.
        threads: CPU threads of a run.
        timeout_seconds: how long a run may take; kept by executors that can end one, as
            ``genbench.executors.local.LocalExecutor`` does, not in this process.
        checkpoint_seconds: how long training goes on, at most, before it is saved.
        fresh: begin from nothing, whatever is there already.
        executor: who runs it; None for this process.
        listeners: implementations of `genbench.hookspecs`.

    Returns:
        One result per model and seed. A run that failed is a result too: see its ``status``.

    Raises:
        UsageError: a name, option or value that is wrong; nothing has been run.
        KeyboardInterrupt: Ctrl-C; what was under way has been saved.
    """
    chosen = protocol_of(protocol)
    count = chosen.seeds if seeds is None else seeds
    requests = plan.requests(
        models=[reference_to(item) for item in listed(model)],
        datasets=[] if dataset is None else [reference_to(dataset)],
        protocol=chosen,
        metrics=[reference_to(item) for item in listed(metrics)],
        extractor=None if extractor is None else reference_to(extractor),
        seeds=range(count) if isinstance(count, int) else count,
        settings=options or {},
    )
    runs = executor or InProcessExecutor()
    settings = session.Settings(
        threads=threads,
        timeout_seconds=timeout_seconds,
        checkpoint_seconds=checkpoint_seconds,
        fresh=fresh,
    )
    with session.interrupts_passed_to(runs) as asked:
        slots = runs.open(device, jobs, timeout_seconds)
        specs = runs.resolve(requests)
        plan.check_settings(specs, options or {})
        command = [Path(sys.argv[0]).name or "python", *sys.argv[1:]]
        session.check_writable(Path(results))
        with status.CommandRecord(Path(results), requests, specs, command) as record:
            outcomes = []
            for outcome in session.run_all(
                specs,
                runs,
                results=Path(results),
                slots=slots,
                settings=settings,
                listeners=[*listeners, record],
            ):
                outcomes.append(outcome)
                record.ended(outcome)
    if asked:
        raise KeyboardInterrupt  # what was under way is saved, and the same call goes on
    place = {spec.run_id: number for number, spec in enumerate(specs)}
    return sorted(map(_result, outcomes), key=lambda result: place[result.run_id])


def _result(outcome: Outcome) -> Result:
    return Result(
        run_id=outcome.run_id,
        status=outcome.status,
        reason=outcome.reason,
        folder=outcome.folder,
        rows=session.rows_of(outcome),
    )


def load(folder: str | Path, weights: Weights = "average", device: str = "cpu") -> Any:
    """The trained model of a run folder, in ``eval()``.

    This runs the model's code: its plugin's, or the file that lies in the run folder.

    Args:
        folder: as ``genbench run`` names it.
        weights: the moving average, or the last weights; a model that was only fitted has one.
        device: where to put it.

    Raises:
        StoreError: the folder is none of a run that ended well, or is damaged.
    """
    run_folder = RunFolder(Path(folder))
    record = run_folder.read()
    if record is None:
        raise StoreError(f"{folder} is no run folder: it has no run.json.")
    if "checkpoint_sha256" not in record:
        raise StoreError(f"The run {record['run_id']} is {record['status']}: it has no checkpoint.")
    spec = run_folder.relocated(RunSpec.model_validate(record["spec"]))
    data_spec = DataSpec(**{**record["data"], "shape": tuple(record["data"]["shape"])})
    model = runner.make_model(spec, data_spec, environment.choose_device(device))
    kept: Weights = weights if weights in record["weights"] else "last"
    try:
        content = checkpoint.load(run_folder.checkpoint, record["checkpoint_sha256"])
    except StoreError as error:
        raise StoreError(f"{error} The same run again makes it anew.") from None
    weights_.restore(model, weights_.of_kind(content.tensors, kept))
    return model.eval()


def protocol_of(given: str | protocol.Protocol) -> protocol.Protocol:
    """A protocol, read if it was named."""
    return protocol.load(given) if isinstance(given, str) else given


def listed(items: str | type | Sequence[str | type]) -> list[str | type]:
    """One or several, as several."""
    return [items] if isinstance(items, str | type) else list(items)


def reference_to(item: str | type) -> str:
    """A class as the file and name that it can be imported from again, in any process."""
    if isinstance(item, str):
        return item
    try:
        source = inspect.getsourcefile(item)
        inspect.getsource(item)
    except (TypeError, OSError):
        source = None
    if source is None or not source.endswith(".py"):
        raise UsageError(
            f"The class {item.__qualname__} stands in no file: a row could never be run again. "
            "Write it to a .py file and give that."
        )
    if not item.__qualname__.isidentifier():
        raise UsageError(
            f"The class {item.__qualname__} stands inside another or a function, where nobody can "
            "import it. Move it to the top of its file."
        )
    registry.adopt(sys.modules[item.__module__])
    return f"{source}:{item.__qualname__}"
