"""Evaluation: fit what is to be fitted, draw the evidence once, apply every metric that fits."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import torch

from genbench.contract import (
    Extractor,
    Measurement,
    Metric,
    Need,
    NotApplicable,
    Score,
    has,
)
from genbench.data import LoadedData
from genbench.environment import wait_for
from genbench.errors import ContractError, NotApplicableError, nearest
from genbench.evidence import RunEvidence, missing_need
from genbench.leaderboard import rows
from genbench.leaderboard.rows import Point
from genbench.leaderboard.schema import Row
from genbench.plan import PluginSpec, uses_an_extractor
from genbench.sample_range import ALWAYS
from genbench.streams import generator, separate


@dataclass(frozen=True)
class Ruler:
    """The metrics of a run, made once, with the extractor that they share."""

    metrics: Sequence[tuple[PluginSpec, Metric]]
    extractor: Extractor | None
    extractor_name: str | None

    def extractor_of(self, metric: Metric) -> tuple[str, str] | None:
        """Name and fingerprint of the extractor, for a metric that uses features."""
        if self.extractor is None or not uses_an_extractor(metric):
            return None
        return str(self.extractor_name), self.extractor.fingerprint


def checked_metric(name: str, metric: Any) -> Metric:
    """A metric that says of itself what `genbench.contract.Metric` asks for.

    Raises:
        ContractError: it does not; says what is missing.
    """

    def refuse(what: str) -> ContractError:
        return ContractError(f"The metric {name!r} {what}.")

    for attribute in ("version", "needs", "scores", "measure"):
        if not hasattr(metric, attribute):
            raise refuse(f"has no {attribute!r}")
    if not isinstance(metric.version, str):
        raise refuse(f"has version {metric.version!r}, which must be text")
    if isinstance(metric.needs, str):
        raise refuse(f"has needs {metric.needs!r}, which must be a tuple: ({metric.needs!r},)")
    for need in metric.needs:
        if need not in get_args(Need):
            raise refuse(f"needs {need!r}, which nothing offers. {nearest(need, get_args(Need))}")
    if not metric.scores or not all(isinstance(score, Score) for score in metric.scores):
        raise refuse("must have scores, a tuple of genbench.Score")
    for score in metric.scores:
        if score.better not in ("lower", "higher", None):
            raise refuse(f"says that better is {score.better!r}: it is 'lower', 'higher' or None")
    checked: Metric = metric
    return checked


def fit(model: Any, loaded: LoadedData, seed: int) -> float:
    """Run the model's own ``fit``, if it has one, in ``eval()`` and without gradients.

    Returns:
        The seconds that it took, which training is charged.

    Raises:
        ContractError: it changed the size of a buffer, which no fresh model could then be given;
            or it wrote to a parameter of a model that has train steps, which training goes on
            from: buffers alone are put back after an evaluation.
    """
    if not has(model, "fit"):
        return 0.0
    model.eval()
    shapes = {name: buffer.shape for name, buffer in model.named_buffers()}
    writes = _writes(model) if has(model, "train_step") else {}
    device = loaded.train.device
    started = time.perf_counter()
    with separate(seed, "fit", device), torch.no_grad():
        model.fit(loaded.train, generator(seed, "fit", device))
    wait_for(device)
    seconds = time.perf_counter() - started
    for name, buffer in model.named_buffers():
        if shapes.get(name) != buffer.shape:
            raise ContractError(
                f"fit() made the buffer {name!r} {tuple(buffer.shape)}; in the constructor it was "
                f"{tuple(shapes[name]) if name in shapes else 'not there'}. Sizes are fixed there."
            )
    if writes:
        hold_parameters([name for name, write in _writes(model).items() if writes[name] != write])
    return seconds


def hold_parameters(written_to: Sequence[str]) -> None:
    """Refuse a ``fit`` that wrote to parameters which train steps train.

    Raises:
        ContractError: there are any; names them.
    """
    if written_to:
        raise ContractError(
            f"fit() wrote to the parameter{'s' * (len(written_to) > 1)} "
            f"{', '.join(map(repr, written_to))}, and the model has train_step: training would go "
            "on from there, and its end depend on how often it was evaluated. Keep what fit finds "
            "in buffers: self.register_buffer(NAME, torch.zeros(…)) in the constructor."
        )


def _writes(model: Any) -> dict[str, tuple[int, int]]:
    """How often each parameter was written to, as torch counts it, and where it lies."""
    return {name: (p._version, p.data_ptr()) for name, p in model.named_parameters()}


def evaluate(
    evidence: RunEvidence,
    ruler: Ruler,
    base: Mapping[str, Any],
    points: Sequence[Point],
    found: list[Row],
) -> None:
    """Add all rows of one evaluation to ``found``, for each of the points that it stands for.

    They come metric by metric: when one of them raises, those of the metrics before it are there.

    Raises:
        ContractError: the model or a metric returned something other than it promises.
    """
    evidence.model.eval()
    with separate(evidence.seed, "evaluation", evidence.real.device), torch.no_grad():
        for spec, metric in (*ruler.metrics, ALWAYS):
            extractor = ruler.extractor_of(metric)
            evidence.reference.measured_by = [spec.identity, metric.version]
            try:
                results = measured(spec.name, metric, evidence)
            except Exception as error:
                # Its place may be a line of torch or of the model: nothing there names the metric.
                error.add_note(f"It came up while {spec.name} was measured.")
                raise
            found += [
                rows.of_score(
                    base, point, spec, metric.version, score, results[score.name], extractor
                )
                for point in points
                for score in metric.scores
            ]


def measured(
    name: str, metric: Metric, evidence: RunEvidence
) -> dict[str, Measurement | NotApplicable]:
    """What a metric gives for each of its scores, checked; or why it does not apply.

    Raises:
        ContractError: it gave something other than it promises.
    """
    try:
        reason = missing_need(metric, evidence)
        if reason is not None:
            return {score.name: NotApplicable(reason) for score in metric.scores}
        given = metric.measure(evidence)
    except NotApplicableError as error:
        reason = str(error).removesuffix(".")  # it may stand inside of a sentence
        return {score.name: NotApplicable(reason) for score in metric.scores}
    if not isinstance(given, Mapping):
        raise ContractError(
            f"The metric {name!r} gave {type(given).__name__}; measure() gives values by score."
        )
    extra = set(given) - {score.name for score in metric.scores}
    if extra:
        raise ContractError(
            f"The metric {name!r} gave values that its scores do not list: {sorted(extra)}."
        )
    results: dict[str, Measurement | NotApplicable] = {}
    for score in metric.scores:
        if score.name not in given:
            raise ContractError(f"The metric {name!r} gave no value for its score {score.name!r}.")
        results[score.name] = _checked(name, score.name, given[score.name])
    return results


def _checked(name: str, score: str, given: object) -> Measurement | NotApplicable:
    """What a metric gave, its numbers as plain floats: a scalar of NumPy or torch is one too."""
    if isinstance(given, NotApplicable):
        return given
    value, error = (given.value, given.error) if isinstance(given, Measurement) else (given, None)
    try:
        plain = Measurement(
            float(value),  # type: ignore[arg-type]
            None if error is None else float(error),
            given.source if isinstance(given, Measurement) else None,
        )
    except (TypeError, ValueError):
        raise ContractError(
            f"The metric {name!r} gave {type(given).__name__} {given!r} for {score!r}, no number."
        ) from None
    if not math.isfinite(plain.value) or not math.isfinite(plain.error or 0.0):
        raise ContractError(f"The metric {name!r} gave {plain} for {score!r}: never a NaN.")
    if plain.error is not None and plain.error < 0:
        raise ContractError(
            f"The metric {name!r} gave the error {plain.error} for {score!r}: never below 0."
        )
    return plain
