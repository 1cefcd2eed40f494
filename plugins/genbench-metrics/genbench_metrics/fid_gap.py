"""How much nearer samples are to what was shown than to what was not."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Generator, Tensor

from genbench.contract import Evidence, Score
from genbench_metrics.features import feature_pair
from genbench_metrics.fid import frechet_distance


class FIDGap:
    """FID(samples, real split) - FID(samples, training split): the gap between train and test.

    FID falls with the number of images, so equally many of both splits are taken, as many as the
    smaller one has, drawn without replacement from a stream of their own.

    It is 0 for a perfect model, but for the chance of which image is in which split, and positive
    for one that gives back what it was shown. A model that is far from both has a gap near 0, too:
    read it beside the FID.
    """

    version = "1"
    needs = ("sample", "features")
    invariances = ("sample-order", "feature-rotation")
    scores = (Score("fid_gap"),)  # no direction: a model that is far from both has no gap either

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        """The gap, in units of FID.

        Raises:
            GenbenchError: fewer than two samples or images, or features that are not finite.
        """
        samples, real = feature_pair("fid-gap", evidence)
        train = evidence.features("train")
        n = min(len(real), len(train))
        rng = evidence.rng("fid-gap")
        to_real = frechet_distance(samples, drawn(real, n, rng))
        return {"fid_gap": to_real - frechet_distance(samples, drawn(train, n, rng))}


def drawn(x: Tensor, n: int, rng: Generator) -> Tensor:
    """``n`` rows of x (N, D) without replacement, in their order; all of them where n is N."""
    return x[torch.randperm(len(x), generator=rng)[:n].sort().values] if n < len(x) else x
