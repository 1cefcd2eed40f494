"""Improved precision and recall: how many samples look real, and how many real ones they reach."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from genbench.contract import Evidence, Measurement, Score
from genbench_metrics.distances import sweep
from genbench_metrics.features import feature_pair
from genbench_metrics.radii import kept_radii, radii


class PrecisionRecall:
    """Precision and recall of the samples (Kynkäänniemi et al., 2019, section 2).

    The manifold of a set is the union of balls around its features, each of which reaches to its
    k-th nearest neighbour in the set, edge included. ``precision`` is the share of samples on the
    manifold of the real split: how many look real. ``recall`` is the share of real examples on the
    manifold of the samples: how much of the data is reached. Both are shares from 0 to 1, higher is
    better; they swap when the two sets do, and are 1 for identical ones. Distances are exact
    (`genbench_metrics.distances`).

    Both depend on how many samples and real examples there are, and on k. A single real example far
    off has a ball that takes in much (Naeem et al., 2020), and noise widens the balls of samples:
    `DensityCoverage` suffers less from either.

    Blind to collapse and copies (``precision``), to noise and copies (``recall``).

    The error of ``precision`` is the binomial standard error over fresh samples against the same
    real split, as all models are measured against. ``recall`` has none: fresh samples are other
    balls, and how much of the real split those would reach cannot be told from one sample of them.

    Args:
        k: which neighbour a ball reaches to.
    """

    version = "2"
    needs = ("sample", "features")
    invariances = ("sample-order", "real-order", "feature-rotation", "batch-size", "device")
    scores = (
        Score(
            "precision",
            better="higher",
            range=(0.0, 1.0),
            known={"identical": 1.0, "collapsed": 1.0},
            swapped="recall",
            blind=("collapse", "copies"),
        ),
        Score(
            "recall",
            better="higher",
            range=(0.0, 1.0),
            known={"identical": 1.0, "collapsed": 0.0},
            swapped="precision",
            blind=("noise", "copies"),
        ),
    )

    def __init__(self, *, k: Annotated[int, Ge(1)] = 3) -> None:
        self.k = k

    def measure(self, evidence: Evidence) -> Mapping[str, Measurement]:
        """Both shares.

        Raises:
            NotApplicableError: no more than k samples or real examples.
            GenbenchError: features that are not finite.
        """
        samples, real = feature_pair("precision-recall", evidence, least=self.k + 1)
        real_radii = kept_radii(evidence, "real", self.k)
        sample_radii = radii(samples, self.k)
        looks_real = torch.zeros(len(samples), dtype=torch.bool)
        reached = torch.zeros(len(real), dtype=torch.bool)
        for block in sweep(samples, real):
            of_real, of_samples = real_radii[None, block.columns], sample_radii[block.rows, None]
            looks_real[block.rows] |= block.within(of_real, closed=True).any(1)
            reached[block.columns] |= block.within(of_samples, closed=True).any(0)
        return {
            "precision": share(looks_real),
            "recall": Measurement(reached.double().mean().item()),
        }


def share(counted: Tensor) -> Measurement:
    """The share of samples of which something is true, bool (N,), with its binomial error."""
    p = counted.double().mean().item()
    return Measurement(p, math.sqrt(p * (1 - p) / len(counted)))
