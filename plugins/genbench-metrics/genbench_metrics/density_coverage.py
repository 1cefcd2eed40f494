"""Density and coverage: precision and recall that single outliers cannot buy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge

from genbench.contract import Evidence, Measurement, Score
from genbench_metrics.distances import sweep
from genbench_metrics.features import feature_pair
from genbench_metrics.radii import kept_radii


class DensityCoverage:
    """Density and coverage of the samples (Naeem et al., 2020, section 3).

    Around each real example is a ball that reaches to its k-th nearest real neighbour, edge
    excluded, as in the code that the authors published. ``density`` is the mean number of balls
    that a sample is in, divided by k: from 0, without an upper bound, and 1 on average where both
    distributions are equal. ``coverage`` is the share of balls with a sample in them, from 0 to 1;
    for n samples of the data itself and as many real examples it is about 1 - 2^-k (at k = 5
    0.969). Higher is better for both. Distances are exact (`genbench_metrics.distances`).

    All balls are real ones: noise cannot widen them, as it does for recall, and they are made once
    for all models. Coverage grows with the number of samples.

    The edge counts where examples are tied. A real example that is repeated more than k times has a
    ball of radius 0, which nothing is in, not even that example; in the package `prdc` as here. So
    identical sets have 1 and 1 where the k-th neighbour is farther than those before it: 20 images
    ten times each have 0 and 0. Precision and recall count the edge.

    Blind to collapse and copies (``density``: a mode where real examples are dense scores above 1),
    to copies (``coverage``).

    The error of ``density`` is the standard error over fresh samples against the same real split,
    as all models are measured against. ``coverage`` has none: one sample covers many balls, so what
    fresh ones would change is no binomial error over balls.

    Args:
        k: which neighbour a ball reaches to.
    """

    version = "2"
    needs = ("sample", "features")
    invariances = ("sample-order", "real-order", "feature-rotation", "batch-size", "device")
    scores = (
        Score(
            "density",
            better="higher",
            range=(0.0, None),
            known={"identical": 1.0},
            blind=("collapse", "copies"),
        ),
        Score(
            "coverage",
            better="higher",
            range=(0.0, 1.0),
            known={"identical": 1.0, "collapsed": 0.0},
            blind=("copies",),
        ),
    )

    def __init__(self, *, k: Annotated[int, Ge(1)] = 5) -> None:
        self.k = k

    def measure(self, evidence: Evidence) -> Mapping[str, Measurement]:
        """Both scores.

        Raises:
            NotApplicableError: no more than k samples or real examples.
            GenbenchError: features that are not finite.
        """
        samples, real = feature_pair("density-coverage", evidence, least=self.k + 1)
        radii = kept_radii(evidence, "real", self.k)
        balls = torch.zeros(len(samples), dtype=torch.int64)
        covered = torch.zeros(len(real), dtype=torch.bool)
        for block in sweep(samples, real):
            inside = block.within(radii[None, block.columns], closed=False)
            balls[block.rows] += inside.sum(1, dtype=torch.int32)
            covered[block.columns] |= inside.any(0)
        densities = balls.double() / self.k
        error = densities.std().item() / math.sqrt(len(samples))
        return {
            "density": Measurement(densities.mean().item(), error),
            "coverage": Measurement(covered.double().mean().item()),
        }
