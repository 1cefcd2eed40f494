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

from genbench import api, data, environment, git, registry
from genbench import options as options_
from genbench.contract import DataSpec, Extractor, Weights, has
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
from genbench.protocol import Protocol
from genbench.reference import Reference
from genbench.streams import seed_global


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
            for item in api.listed(metrics) or base.metrics
        ]
        with environment.repeatable(self._device, threads):
            seed_global(0, "plugins")
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
        split: Literal["validation", "test"] = "test",
        seed: int = 0,
    ) -> Scores:
        """Score a model, or samples.

        Args:
            model: with the capabilities that the metrics need; on the evaluator's device.
            samples: in its place: uint8 (N, C, H, W), or float32 in [-1, 1]; points float32 (N, D).
            split: what is measured against; a checkpoint is chosen on ``validation``.
            seed: of the draws.

        Raises:
            ContractError: the model gives something other than the contract promises.
            UsageError: samples of another shape, or fewer than two.
        """
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
        leaderboard = Path(results) / "leaderboard"
        if not fresh:
            self._check_free(leaderboard, self._run_spec(name, given, seed), given.content)
        rows = self._rows(name, given, "test", seed, images)
        store.commit(leaderboard, rows)
        return Scores([row for row in rows if row["weights"] == "average"])

    # -------------------------------------------------------------------------------- its parts

    def _check_free(self, leaderboard: Path, spec: RunSpec, content: str) -> None:
        try:
            there = store.read_run(leaderboard, spec.run_id)
        except StoreError:  # no leaderboard yet; what else is wrong, writing says
            return
        if there is not None and there["training_id"][0].as_py() != content:
            raise UsageError(
                f"The leaderboard has rows of {spec.model.name!r}, seed {spec.seed}, from other "
                "samples. Give another name or seed; or --fresh (fresh=True), and these take "
                "their place."
            )

    def _spec(
        self, kind: registry.Kind, item: str | type, defaults: Mapping[str, Any] | None = None
    ) -> PluginSpec:
        plugin = registry.find(kind, api.reference_to(item))
        given = {**(defaults or {}), **self._settings.get(plugin.name, {})}
        spec = PluginSpec.of(plugin, given)
        resolved = options_.resolve(plugin.title, registry.load(plugin), given)
        return spec.model_copy(update={"options": resolved})

    def _make_ruler(self, extractor: str | type | None) -> Ruler:
        metrics = [(spec, checked_metric(spec.name, spec.make())) for spec in self._metrics]
        needed = any(Ruler.uses_an_extractor(metric) for _, metric in metrics)
        self._extractor = self._spec("extractor", extractor) if extractor and needed else None
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
            drawn = (self._protocol or api.protocol_of("quick")).evaluation.samples
            return _Given(model, drawn, "")
        checked = spec_.checked_samples(samples, self.data).to(self._device)
        return _Given(GivenSamples(checked), len(checked), spec_.digest(checked))

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
            # What decides the weights is not known; the content of the samples stands for it.
            base["training_id"] = given.content or spec.training_id
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
            with evaluating(given.model):
                found = evaluate(evidence, self._ruler, base, points)
        return [{**row, "images": images} for row in found]

    def _run_spec(self, name: str, given: _Given, seed: int) -> RunSpec:
        return RunSpec(
            model=spec_.model_spec(name or EXTERNAL),
            dataset=self._dataset,
            metrics=tuple(self._metrics),
            extractor=self._extractor,
            protocol=self._protocol or spec_.protocol_of(given.samples),
            seed=seed,
        )
