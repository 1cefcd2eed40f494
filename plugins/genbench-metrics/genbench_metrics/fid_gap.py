"""How much nearer samples are to what was shown than to what was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Generator, Tensor

from genbench.contract import Evidence, Score
from genbench_metrics.features import feature_pair, features_of
from genbench_metrics.fid import kept_moments
from genbench_metrics.moments import Moments, frechet, moments


class FIDGap:
    """FID(samples, real split) - FID(samples, training split): the gap between train and test.

    FID falls with the number of images, so equally many of both splits are taken, as many as the
    smaller one has, drawn without replacement from a stream of their own. In units of FID, from
    minus to plus infinity.

    It is 0 for a perfect model, but for the chance of which image is in which split, and positive
    for one that gives back what it was shown. It has no direction: a model that is far from both
    has a gap near 0, too. Read it beside the FID.

    Blind to whatever is equally wrong with respect to both splits, noise and collapse among it.
    """

    version = "1"
    needs = ("sample", "features")
    invariances = ("sample-order", "feature-rotation")
    scores = (Score("fid_gap"),)

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        """The gap, in units of FID.

        Raises:
            NotApplicableError: fewer than two samples or images.
            GenbenchError: features that are not finite.
        """
        samples, real = feature_pair("fid-gap", evidence)
        train = features_of("train", "fid-gap", evidence)
        n = min(len(real), len(train))
        rng = evidence.rng("fid-gap")

        def to(of: Literal["real", "train"], x: Tensor) -> float:
            return frechet(sampled, some(evidence, of, x, n, rng))

        sampled = moments(samples)
        to_real = to("real", real)
        return {"fid_gap": to_real - to("train", train)}


def some(
    evidence: Evidence, of: Literal["real", "train"], x: Tensor, n: int, rng: Generator
) -> Moments:
    """Moments of ``n`` rows of x (N, D), drawn without replacement; of all of them where n is N."""
    if n == len(x):
        return kept_moments(evidence, of)
    return moments(x[torch.randperm(len(x), generator=rng)[:n].sort().values])
