"""`Evaluator`: the scores of samples or models that genbench did not train.

The same data, metrics, extractor and number of samples as a run's, inside a training loop of one's
own, or for images that somebody else made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from genbench import api, data, environment, git, plan, registry
from genbench.contract import CAPABILITIES, DataSpec, Extractor, Weights, has
from genbench.data import DeviceSplit
from genbench.errors import StoreError, UsageError, nearest
from genbench.evaluate import Ruler, checked_metric, evaluate
from genbench.evidence import RunEvidence
from genbench.external import spec as spec_
from genbench.external.given import GivenEvidence, GivenSamples, NoHistory, Still, evaluating
from genbench.external.scores import Scores
from genbench.leaderboard import rows as rows_
from genbench.leaderboard import store
from genbench.leaderboard.rows import Point
from genbench.leaderboard.schema import EXTERNAL, Row
from genbench.plan import PluginSpec, RunSpec
from genbench.protocol import Protocol, hash_of
from genbench.reference import Reference
from genbench.streams import separate


@dataclass(frozen=True)
class _Given:
    """What is scored, and what tells it from all else."""

    model: Any
    samples: int
    content: str
    """A hash of the samples, where they were given."""


class Evaluator:
    """Scores samples, or a model, as a run under a protocol would.

    ::

        evaluator = genbench.Evaluator(dataset=NAME, protocol="quick")
        for epoch in range(epochs):
            ...                                            # train on evaluator.train
            scores = evaluator(model, split="validation")  # scores[NAME] is a number
        evaluator.add("mine", model, seed=0)               # rows in results/leaderboard

    A model is anything with capabilities of `genbench.contract.Model`, such as
    ``sample(n, rng)``; its mode and all global random streams are left as they were.

    Args:
        dataset: name or ``file.py:Class`` of the data set that is measured against.
        reference: in its place, real examples: uint8 (N, C, H, W), or float32 (N, D).
        protocol: whose number of samples is drawn, and beside whose rows `add` puts its own: by
            naming it you say that the model was trained under its budget. None: rows stand
            beside those of other models of unknown budget with as many samples.
        metrics: names; none for the protocol's.
        extractor: None for the data set's own.
        options: by plugin name, as ``--set``.
        device: ``auto``, ``cpu`` or ``cuda:0``.
        threads: CPU threads.

    Attributes:
        data: the `DataSpec`, as a model is told it.
        train, validation, test: the splits (`genbench.contract.Split`).

    Raises:
        UsageError: a name or an option that is wrong.
    """

    def __init__(
        self,
        dataset: str | type | None = None,
        *,
        reference: Tensor | None = None,
        protocol: str | Protocol | None = None,
        metrics: str | type | Sequence[str | type] = (),
        extractor: str | type | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        device: str = "auto",
        threads: int = 1,
    ) -> None:
        if (dataset is None) == (reference is None):
            raise UsageError("An Evaluator needs a data set or a reference: one of the two.")
        self._protocol = None if protocol is None else api.protocol_of(protocol)
        self._settings = dict(options or {})
        self._threads = threads
        self._device = environment.choose_device(device)
        base = self._protocol or api.protocol_of("quick")
        self._metrics = [
            self._spec("metric", item, base.metric_options.get(str(item), {}))
            for item in dict.fromkeys(api.listed(metrics) or base.metrics)
        ]
        with (
            environment.repeatable(self._device, threads),
            separate(0, "plugins", self._device),
        ):
            if reference is not None:
                self._dataset = spec_.reference_spec(reference)
                self._loaded = spec_.reference_data(self._dataset.name, reference, self._device)
                named = None
            else:
                assert dataset is not None
                self._dataset = self._spec("dataset", dataset)
                made = self._dataset.make()
                self._loaded = data.load(self._dataset.name, made, self._device)
                named = made.extractor
            self._ruler = self._make_ruler(extractor or named)
        self._check_settings()
        self._reference = Reference(self._loaded.fingerprint, self._ruler.extractor)
        self.data: DataSpec = self._loaded.spec
        self.train, self.validation = self._loaded.train, self._loaded.validation
        self.test = self._loaded.test

    def __call__(
        self,
        model: Any = None,
        *,
        samples: Tensor | None = None,
        split: Literal["validation", "test"] = "validation",
        seed: int = 0,
    ) -> Scores:
        """Score a model, or samples.

        Args:
            model: with the capabilities that the metrics need; on the evaluator's device. It is
                measured in ``eval()`` if it is an ``nn.Module``; any other object as it is.
            samples: in its place: uint8 (N, C, H, W), or float32 in [-1, 1]; points float32 (N, D).
            split: what is measured against; a checkpoint is chosen on ``validation``.
            seed: of the draws.

        Raises:
            ContractError: the model gives something other than the contract promises.
            UsageError: samples of another shape, dtype or range, or fewer than two.
        """
        if split not in ("validation", "test"):
            raise UsageError(f"A split to measure against is validation or test, not {split!r}.")
        return Scores(self._rows("", self._given(model, samples), split, seed, None))

    def add(
        self,
        name: str,
        model: Any = None,
        *,
        samples: Tensor | None = None,
        seed: int = 0,
        results: str | Path = "results",
        images: int | None = None,
        fresh: bool = False,
    ) -> Scores:
        """Score on the test split, and add the rows to a leaderboard, as an external model.

        Args:
            name: that the model goes by.
            model: as for a call.
            samples: likewise.
            seed: that it was trained from: several are a spread, and without one nothing is ranked.
            results: the results folder.
            images: real images that it was trained on, if that is known.
            fresh: take the place of rows of other samples that have this name and seed.

        Raises:
            UsageError: the name of an installed model, or no name; fewer or more samples than the
                protocol asks for; or there are such rows.
            StoreError: the rows cannot be written.
        """
        spec_.check_name(name)
        given = self._given(model, samples)
        wanted = None if self._protocol is None else self._protocol.evaluation.samples
        if wanted is not None and has(given.model, "sample") and given.samples != wanted:
            raise UsageError(
                f"There are {given.samples:,} samples, but rows of the protocol "
                f"{self._protocol.name!r} are of {wanted:,}: "  # type: ignore[union-attr]
                "FID and its kind depend on how many there are. Give as many, or name no protocol."
            )
        if self._protocol is not None and images and images > self._protocol.training.images:
            raise UsageError(
                f"A model that was trained on {images:,} images is beyond the budget of the "
                f"protocol {self._protocol.name!r}, {self._protocol.training.images:,}: name none."
            )
        leaderboard = Path(results) / "leaderboard"
        earlier = [] if fresh else self._earlier(leaderboard, name, given, seed)
        _check_same(earlier, name, seed, given.content)
        rows = self._rows(name, given, "test", seed, images)
        _check_same(earlier, name, seed, rows[0]["training_id"])
        again = {(row["metric"], row["score"], row["key"]) for row in rows}
        kept = [r for r in earlier if (r["metric"], r["score"], r["key"]) not in again]
        store.commit(leaderboard, [*kept, *rows])
        return Scores([row for row in rows if row["weights"] == "average"])

    # -------------------------------------------------------------------------------- its parts

    def _earlier(self, leaderboard: Path, name: str, given: _Given, seed: int) -> list[Row]:
        """Rows of this name and seed that are there already."""
        try:
            there = store.read_run(leaderboard, self._run_id(self._run_spec(name, given, seed)))
        except StoreError:  # no leaderboard yet; what else is wrong, writing says
            return []
        return [] if there is None else store.rows_of(there)

    def _run_id(self, spec: RunSpec) -> str:
        """One for each name, data set, protocol and seed, whatever is measured of it."""
        identity = [self._loaded.fingerprint, spec.protocol.fingerprint, spec.dataset.options]
        return f"{spec.model.name}-{spec.dataset.name}-s{spec.seed}-{hash_of(identity, 12)}"

    def _spec(
        self, kind: registry.Kind, item: str | type, defaults: Mapping[str, Any] | None = None
    ) -> PluginSpec:
        plugin = registry.find(kind, api.reference_to(item))
        given = {**(defaults or {}), **self._settings.get(plugin.name, {})}
        return plan.resolved_spec(PluginSpec.of(plugin, given))

    def _make_ruler(self, extractor: str | type | None) -> Ruler:
        metrics = [(spec, checked_metric(spec.name, spec.make())) for spec in self._metrics]
        needed = any(plan.uses_an_extractor(metric) for _, metric in metrics)
        self._extractor = self._spec("extractor", extractor) if extractor and needed else None
        if needed and extractor is None and self._dataset.target == EXTERNAL:
            raise UsageError(
                "A reference names no extractor of features, and metrics here need one: give it by "
                "its name (--extractor NAME, extractor=NAME). See: genbench list extractors."
            )
        made: Extractor | None = None
        if self._extractor is not None:
            made = self._extractor.make().to(self._device)
        return Ruler(metrics, made, self._extractor.name if self._extractor else None)

    def _check_settings(self) -> None:
        there = {spec.name for spec in (self._dataset, *self._metrics)}
        there |= {self._extractor.name} if self._extractor else set()
        for name in self._settings:
            if name not in there:
                raise UsageError(
                    f"There are options for {name!r}, which takes no part. {nearest(name, there)}"
                )

    def _given(self, model: Any, samples: Tensor | None) -> _Given:
        if (model is None) == (samples is None):
            raise UsageError("Give a model or samples: one of the two.")
        if samples is None:
            if not any(has(model, capability) for capability in CAPABILITIES):
                hint = " Samples are given as samples=…" if isinstance(model, Tensor) else ""
                raise UsageError(
                    f"A {type(model).__name__} is no model: it has none of "
                    f"{', '.join(CAPABILITIES)}.{hint}"
                )
            drawn = (self._protocol or api.protocol_of("quick")).evaluation.samples
            return _Given(model, drawn, "")
        checked = spec_.checked_samples(samples, self.data)
        model = GivenSamples(checked, self._device)
        return _Given(model, len(checked), spec_.digest(checked))

    def _rows(
        self, name: str, given: _Given, split: str, seed: int, images: int | None
    ) -> list[Row]:
        real: DeviceSplit = getattr(self, split)
        spec = self._run_spec(name, given, seed)
        evidence_of = GivenEvidence if given.content else RunEvidence
        with environment.repeatable(self._device, self._threads):
            here = environment.describe(self._device) | {
                "runs_per_device": 1,
                "git": git.commit_of(Path.cwd()),
            }
            base = rows_.of_run(spec, here, self._loaded.fingerprint)
            base["run_id"] = self._run_id(spec)
            evidence = evidence_of(
                model=Still(given.model),
                loaded=self._loaded,
                real=real,
                history=NoHistory(),  # type: ignore[arg-type]
                weights="average",
                reference=self._reference,
                sample_count=given.samples,
                sampling_chunk=spec.protocol.evaluation.sampling_chunk,
                seed=seed,
            )
            # One state stands for both: nobody knows whether there was a moving average.
            kinds: tuple[Weights, ...] = ("average", "last") if name else ("average",)
            points = [Point(split, 1.0, images or 0, kind) for kind in kinds]
            found: list[Row] = []
            with evaluating(given.model):
                evaluate(evidence, self._ruler, base, points, found)
                content = given.content or _content(evidence)
        # What decides the weights is not known; the content of what they give stands for it.
        return [{**row, "training_id": content, "images": images} for row in found]

    def _run_spec(self, name: str, given: _Given, seed: int) -> RunSpec:
        return RunSpec(
            model=spec_.model_spec(name or EXTERNAL),
            dataset=self._dataset,
            metrics=tuple(self._metrics),
            extractor=self._extractor,
            protocol=self._protocol or spec_.protocol_of(given.samples),
            seed=seed,
        )


def _content(evidence: RunEvidence) -> str:
    """A hash of what a model gives, first of all its samples."""
    if has(evidence.model, "sample"):
        return spec_.digest(evidence.samples)
    if has(evidence.model, "reconstruct"):
        return spec_.digest(evidence.reconstructions)
    if has(evidence.model, "encode"):
        return spec_.digest(evidence.codes)
    return EXTERNAL


def _check_same(earlier: Sequence[Row], name: str, seed: int, content: str) -> None:
    if content and any(row["training_id"] != content for row in earlier):
        raise UsageError(
            f"The leaderboard has rows of {name!r}, seed {seed}, from other samples. Give another "
            "name or seed; or --fresh (fresh=True), and these take their place."
        )
