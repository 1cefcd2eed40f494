"""How fast a training gets to where it is asked to be."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from genbench.contract import CurvePoint, Evidence, Measurement, NotApplicable, Score
from genbench_metrics.curve import Direction, direction, of_curve, points_of


class Convergence:
    """Images and seconds until a score reaches a target, and the area under its curve.

    The curve is that of the run: the score on the validation split at each of the protocol's
    evaluation points, with the weights that are evaluated.

    - ``images_to_target``: real images shown at the first evaluation that is at the target or
      beyond it, as the budget charges them; ``seconds_to_target``: seconds of training until then,
      without evaluation, which depend on the machine. Both better lower, from 0. Nothing is
      interpolated: between two evaluations nobody looked, so both are known to their distance, and
      are never too low. This is time-to-accuracy (Cody Coleman et al., "DAWNBench: An end-to-end
      deep learning benchmark and competition", 2017; Peter Mattson et al., "MLPerf training
      benchmark", 2020);
    - ``area_under_curve``: of the score over images by the trapezoidal rule, from the first
      evaluation to the last, divided by the images between them. So it is in the score's unit, a
      mean over the training, and better the way that the score is. It has no direction of its own
      here, as that of the score is an option.

    A target that is not reached is no number: the row says so, with the best value there was.
    Evaluated on the way, the metric sees what came before.

    Blind to what comes after the target: a training that reaches it and then diverges has
    converged (`Stability` sees that). Blind to what happens between evaluations and to what is
    the matter with samples, but for what the score sees of it. A noisy score reaches a target
    early, by luck.

    Args:
        score: its name; ``METRIC.SCORE`` where several metrics of the run have one of that name.
        target: the value to be reached; there is no natural one, so none is reached by default.
        better: the direction of the score; those of this distribution are known.

    Raises:
        GenbenchError: the direction of the score is not known, and not given.
    """

    version = "1"
    needs = ("curve",)
    invariances = ("sample-order", "real-order", "feature-rotation")
    scores = (
        Score(
            "images_to_target",
            better="lower",
            unit="images",
            range=(0, None),
            blind=("noise", "collapse", "copies"),
        ),
        Score(
            "seconds_to_target",
            better="lower",
            unit="s",
            hardware=True,
            range=(0, None),
            blind=("noise", "collapse", "copies"),
        ),
        Score("area_under_curve"),
    )

    def __init__(
        self,
        *,
        score: str = "fid",
        target: float | None = None,
        better: Direction | None = None,
    ) -> None:
        self.score = score
        self.target = target
        self.better = direction("convergence", score, better)

    def measure(self, evidence: Evidence) -> Mapping[str, Measurement | NotApplicable]:
        """All three, or why one does not apply."""
        points = points_of(evidence, self.score)
        if isinstance(points, NotApplicable):
            return {score.name: points for score in self.scores}
        reached = self._reached(points)
        return {
            "images_to_target": of_curve(
                points, reached if isinstance(reached, NotApplicable) else float(reached.images)
            ),
            "seconds_to_target": of_curve(
                points, reached if isinstance(reached, NotApplicable) else reached.seconds
            ),
            "area_under_curve": of_curve(points, area(points)),
        }

    def _reached(self, points: list[CurvePoint]) -> CurvePoint | NotApplicable:
        if self.target is None:
            return NotApplicable("no target was stated: --set convergence.target=VALUE")
        sign = 1 if self.better == "lower" else -1
        for point in points:
            if sign * point.value <= sign * self.target:
                return point
        best = min(points, key=lambda point: sign * point.value)
        return NotApplicable(
            f"{self.score} never reached {self.target:g}: the best was {best.value:.4g} at "
            f"{best.images:,} images"
        )


def area(points: list[CurvePoint]) -> float | NotApplicable:
    """The mean height of the curve, in the unit of its values."""
    width = points[-1].images - points[0].images
    if width == 0:
        return NotApplicable("the curve has a single evaluation: no area is under it")
    trapezoids = sum(
        (right.images - left.images) * (left.value + right.value) / 2
        for left, right in pairwise(points)
    )
    return trapezoids / width
