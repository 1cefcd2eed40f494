"""One score on the way through a training, and which way it is better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from genbench.contract import CurvePoint, Evidence, Measurement, NotApplicable
from genbench.errors import GenbenchError

Direction = Literal["lower", "higher"]

BETTER: dict[str, Direction] = {
    "fid": "lower",
    "kid": "lower",
    "isc": "higher",
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
    "copies": "lower",
    "authenticity": "higher",
    "mse": "lower",
    "psnr": "higher",
    "ssim": "higher",
    "bce": "lower",
    "nll": "lower",
    "bpd": "lower",
    "nll_bound": "lower",
    "bpd_bound": "lower",
    "linear_probe": "higher",
    "knn": "higher",
    "modes": "higher",
    "high_quality": "higher",
    "reverse_kl": "lower",
    "manifold_precision": "higher",
    "manifold_recall": "higher",
}
"""Of scores of this distribution: the curve tells names and values, not which way is better."""


def direction(metric: str, score: str, better: Direction | None) -> Direction:
    """What was given, or what is known of a score of this distribution.

    Raises:
        GenbenchError: neither.
    """
    known = BETTER.get(score.rpartition(".")[2])
    if better is None and known is None:
        raise GenbenchError(
            f"{metric} cannot know which way {score!r} is better: "
            f"--set {metric}.better=lower or --set {metric}.better=higher says so."
        )
    return better or known  # type: ignore[return-value]


def points_of(evidence: Evidence, score: str) -> list[CurvePoint] | NotApplicable:
    """The points of a score, with the weights that are evaluated, in the order of training.

    Args:
        evidence: with the history.
        score: its name, or ``METRIC.SCORE`` where more than one metric has one of that name.
    """
    of_weights = [
        point
        for point in evidence.history.curve
        if point.metric is not None
        and point.weights == evidence.weights
        and score in (point.name, f"{point.metric}.{point.name}")
    ]
    metrics = {str(point.metric): None for point in of_weights}
    if len(metrics) > 1:
        named = " and ".join(f"{metric}.{score}" for metric in metrics)
        return NotApplicable(f"{score} is a score of several metrics: say {named}")
    if not of_weights:
        return NotApplicable(f"no {score} was measured on the way")
    return sorted(of_weights, key=lambda point: point.images)


def of_curve(
    points: Sequence[CurvePoint], value: float | NotApplicable
) -> Measurement | NotApplicable:
    """What was made of a curve, to be compared where the curves could be."""
    source = points[-1].key
    if isinstance(value, NotApplicable):
        return NotApplicable(value.reason, source)
    return Measurement(value, source=source)
