"""Memorisation: whether samples are training examples, or suspiciously near to them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor

from genbench.contract import Evidence, Measurement, Score
from genbench_metrics.distances import nearest
from genbench_metrics.features import feature_pair, features_of
from genbench_metrics.precision_recall import share


class Memorization:
    """Nearest-neighbour distances of the samples to the training split, in the extractor's space.

    ``copies`` is the share of samples that are no farther from their nearest training example than
    ``ratio`` times the distance to the second nearest (Yoon et al., "Diffusion probabilistic models
    generalize when they fail to memorize", 2023, with ratio 1/3): as good as one training example
    and no other. A sample that is at distance 0 from both counts. Lower is better, from 0 to 1; in
    a space of d dimensions fresh points of a smooth density come so near by chance in about
    ratio^d of all cases, in 2 a ninth.

    ``authenticity`` is the share of samples that are farther from their nearest training example
    than that one is from its own nearest neighbour in the training split (Alaa et al., "How
    faithful is your synthetic data?", 2022). Higher is better, from 0, where all is
    copied, to 1. The test split itself, given as samples, says what fresh examples reach.

    ``data_copying`` is the chance that a sample is nearer to the training split than an example of
    the real split is, ties by half: the Mann-Whitney statistic, as a share, that Meehan et al.
    ("A non-parametric test to detect data-copying in generative models", 2020)
    standardise. From 0 to 1: 0.5 for a perfect model, above for one that copies, below for one that
    is far from the data. It has no direction for that reason.

    Errors are standard errors over fresh samples, against the same training and real split, as all
    models are measured against: binomial for the two shares. So a perfect model may well be some
    errors off 0.5, as far as this real split is: a test of Meehan et al.'s hypothesis has the error
    over real examples in it as well.

    Blind to noise and collapse, and so in favour of whatever is far from all data: read it beside
    the FID.

    Args:
        ratio: of the two nearest distances, from which on a sample is a copy.
    """

    version = "2"
    needs = ("sample", "features")
    invariances = ("sample-order", "real-order", "feature-rotation", "batch-size", "device")
    scores = (
        Score(
            "copies",
            better="lower",
            range=(0.0, 1.0),
            known={"copied": 1.0},
            blind=("noise", "collapse"),
        ),
        Score(
            "authenticity",
            better="higher",
            range=(0.0, 1.0),
            known={"copied": 0.0},
            blind=("noise", "collapse"),
        ),
        Score("data_copying", range=(0.0, 1.0), known={"copied": 1.0, "identical": 0.5}),
    )

    def __init__(self, *, ratio: Annotated[float, Ge(0), Le(1)] = 1 / 3) -> None:
        self.ratio = ratio

    def measure(self, evidence: Evidence) -> Mapping[str, Measurement]:
        """All three scores.

        Raises:
            NotApplicableError: fewer than two samples, training or real examples.
            GenbenchError: features that are not finite.
        """
        samples, _ = feature_pair("memorization", evidence)
        train = features_of("train", "memorization", evidence)
        distances, indices = nearest(samples, train, 2)
        first, second = distances.T
        around = evidence.statistics(
            "nearest neighbour 2",
            "train",
            lambda x: {"distances": nearest(x, x, 1, themselves=True)[0].flatten()},
        )["distances"]
        fresh = evidence.statistics(
            "distance to the training split 2",
            "real",
            lambda x: {"distances": nearest(x, train, 1)[0].flatten()},
        )["distances"]
        return {
            "copies": share(first <= self.ratio * second),
            "authenticity": share(first > around[indices[:, 0]]),
            "data_copying": chance_below(first, fresh),
        }


def chance_below(x: Tensor, y: Tensor) -> Measurement:
    """The chance that one of x (N,), two at least, is less than one of y (M,), ties by half.

    Its standard error is over fresh x against the same y: the share of y above each is a mean over
    x. That is one of the two parts in E. R. DeLong et al., "Comparing the areas under two or more
    correlated receiver operating characteristic curves", 1988.
    """
    above = 1 - below_or_half(y, x)  # (N,)
    return Measurement(above.mean().item(), above.std().item() / math.sqrt(len(x)))


def below_or_half(x: Tensor, y: Tensor) -> Tensor:
    """For each of y (M,) the share of x (N,) that is less, ties by half: (M,)."""
    x, y = x.sort().values, y.contiguous()
    twice = torch.searchsorted(x, y) + torch.searchsorted(x, y, right=True)
    return twice.double() / (2 * len(x))
