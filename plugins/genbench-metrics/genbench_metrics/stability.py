"""Whether a training stays where it got to: divergence and oscillation."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from genbench.contract import CurvePoint, Evidence, Measurement, NotApplicable, Score
from genbench_metrics.curve import Direction, direction, of_curve, points_of

LEAST = 3
"""Values, one of which lies between two others."""


class Stability:
    """What a score lost again after its best, and how much scores and losses swing at the end.

    The field has no agreed measure of this; these are plain ones. They are taken on the run's
    curve, of scores on the validation split with the weights that are evaluated, and of losses as
    training read them, of the last weights:

    - ``divergence``: by how much the score ended worse than its best evaluation, relative to that:
      |end - best| / |best|. 0 for a training that ends at its best, 1 for an FID that doubled;
    - ``score_oscillation``: how far the values in the second half of the images are from the
      straight line between their two neighbours, as the standard deviation of noise that would
      do this, divided by the mean of the absolute values. Where v lies at the share w of the way
      from its neighbour u to its neighbour z, r = v - (1 - w) u - w z has 1 + (1 - w)^2 + w^2 times
      the variance of independent noise, and so the variance is the mean of r^2 over that;
    - ``loss_oscillation``: the same of each loss, and of these the largest: of two players one
      may swing alone.

    No unit; better lower; from 0. A loss that is now above 0 and now below has small values to
    swing about, and so swings much. Where the score changes sign, as an unbiased KID may, there is
    no ratio to its best and no divergence. Evaluated on the way, the metric sees what came before.

    The best of noisy evaluations looks better than it was, so noise alone is a divergence above 0:
    with independent noise of a relative standard deviation s about 1.5 s among 10 evaluations that
    are equally good and 2.5 s among 100. Compare it at an equal number of evaluations.

    Blind to all that comes before the second half, but for the best score. Oscillation is blind
    to a smooth course, steady or not, and so to swings that are slow beside the distance of values:
    of a wave over P values it finds (1 - cos 2 pi/P) / 1.5^(1/2) of the effective value, 0.82 for
    4 and 0.16 for 10. A course that bends between few values does not look smooth. It cannot tell
    noise of the measurement from that of the training: a loss is that of a batch, so small batches
    swing more, and a score that is measured on few samples does. Blind to what is the matter with
    samples, but for what the score sees of it. A model that never learned anything is perfectly
    stable.

    Args:
        score: its name; ``METRIC.SCORE`` where several metrics of the run have one of that name.
        better: the direction of the score; those of this distribution are known.

    Raises:
        GenbenchError: the direction of the score is not known, and not given.
    """

    version = "2"
    needs = ("curve",)
    invariances = ("sample-order", "real-order", "feature-rotation")
    scores = tuple(
        Score(name, better="lower", range=(0, None), blind=("noise", "collapse", "copies"))
        for name in ("divergence", "score_oscillation", "loss_oscillation")
    )

    def __init__(self, *, score: str = "fid", better: Direction | None = None) -> None:
        self.score = score
        self.better = direction("stability", score, better)

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        """All three, or why one does not apply."""
        history = evidence.history
        points = points_of(evidence, self.score)
        losses: dict[str, list[CurvePoint]] = defaultdict(list)
        for point in history.curve:
            if point.metric is None:
                losses[point.name].append(point)
        of_losses = [oscillation(of_one, history.images) for of_one in losses.values()]
        swings = [value for value in of_losses if not isinstance(value, NotApplicable)]
        return {
            "divergence": (
                points
                if isinstance(points, NotApplicable)
                else of_curve(points, self._divergence(points))
            ),
            "score_oscillation": (
                points
                if isinstance(points, NotApplicable)
                else of_curve(points, oscillation(points, history.images))
            ),
            "loss_oscillation": (
                max(swings)
                if swings
                else of_losses[0]
                if of_losses
                else NotApplicable("no loss was seen on the way")
            ),
        }

    def _divergence(self, points: Sequence[CurvePoint]) -> float | NotApplicable:
        values = [point.value for point in points]
        best, end = (min if self.better == "lower" else max)(values), values[-1]
        if len(values) == 1:
            return NotApplicable("the curve has a single evaluation: nothing could be lost again")
        if min(values) <= 0 <= max(values):
            return NotApplicable(f"{self.score} does not keep clear of 0: no ratio to its best")
        return abs(end - best) / abs(best)


def oscillation(points: Sequence[CurvePoint], images: int) -> float | NotApplicable:
    """About the lines between neighbours in the second half of ``images``: see `Stability`."""
    late = [point for point in points if point.images >= images / 2]
    if len(late) < LEAST:
        return NotApplicable(
            f"{points[0].name} has {len(late)} values in the second half of the training, "
            f"{LEAST} are needed to see one swing about the two beside it"
        )
    values = np.array([point.value for point in late])
    size = float(np.abs(values).mean())
    if size == 0:
        return 0.0  # it is 0 all the time
    at = np.array([point.images for point in late], dtype=float)
    before, after = at[1:-1] - at[:-2], at[2:] - at[1:-1]
    apart = before + after
    # where a value and both beside it were seen at one place, neither is nearer
    w = np.divide(before, apart, out=np.full_like(apart, 0.5), where=apart > 0)
    about = values[1:-1] - (1 - w) * values[:-2] - w * values[2:]
    variance = float((about**2 / (1 + (1 - w) ** 2 + w**2)).mean())
    return math.sqrt(variance) / size
