"""Kernel Inception distance: an unbiased squared MMD between two sets of features."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor

from genbench.contract import Evidence, Measurement, Score
from genbench.errors import GenbenchError
from genbench_metrics.features import feature_pair

WITNESSES = 1000
"""Examples of each set that the standard error is estimated from."""


class KID:
    """KID of samples against the real split (Bińkowski et al., 2018, sec. 4), by torch-fidelity.

    The mean of the unbiased estimate of MMD^2 over ``subsets`` random pairs of subsets, under the
    kernel (x.y / D + 1)^degree. Where two distributions are equal it is 0 on average, so it can be
    negative. The subsets are the same for every model with as many samples: torch-fidelity's
    default seed, its ``input1`` the samples and its ``input2`` the real images.

    torch-fidelity also gives the standard deviation over subsets. It is no error of the mean:
    subsets overlap, and where they are whole sets they do not differ at all. The error given here
    is what fresh samples and fresh real images would change (`standard_error`).

    Args:
        subset_size: examples in a subset; all of the smaller set where that has fewer.
        subsets: how many pairs of subsets.
        degree: of the polynomial kernel.
    """

    version = "1"
    needs = ("sample", "features")
    invariances = ("feature-rotation",)
    scores = (Score("kid", better="lower"),)

    def __init__(
        self,
        *,
        subset_size: Annotated[int, Ge(2)] = 1000,
        subsets: Annotated[int, Ge(1)] = 100,
        degree: Annotated[int, Ge(1)] = 3,
    ) -> None:
        self.subset_size = subset_size
        self.subsets = subsets
        self.degree = degree

    def measure(self, evidence: Evidence) -> Mapping[str, Measurement]:
        """The KID with its standard error.

        Raises:
            GenbenchError: fewer than two samples or real images, or features that are not finite
                or too large for the kernel.
        """
        # the import takes seconds: only who measures, pays
        from torch_fidelity.metric_kid import (
            KEY_METRIC_KID_MEAN,
            KEY_METRIC_KID_STD,
            kid_features_to_metric,
        )

        samples, real = feature_pair("kid", evidence)
        # float32, as features come: twice as fast as float64, and what torch-fidelity computes
        with np.errstate(over="ignore", invalid="ignore"):
            metric = kid_features_to_metric(
                samples,
                real,
                kid_subset_size=min(self.subset_size, len(samples), len(real)),
                kid_subsets=self.subsets,
                kid_kernel_poly_degree=self.degree,
                verbose=False,
            )
        kid, spread = float(metric[KEY_METRIC_KID_MEAN]), float(metric[KEY_METRIC_KID_STD])
        if not math.isfinite(kid):
            largest = max(samples.abs().max().item(), real.abs().max().item())
            raise GenbenchError(
                f"kid overflows: features reach {largest:.3g}, too much for float32 at "
                f"degree {self.degree}. Use an extractor that scales its features."
            )
        of_subsets = spread / math.sqrt(self.subsets)
        error = math.hypot(standard_error(samples, real, self.degree), of_subsets)
        return {"kid": Measurement(kid, error)}


def standard_error(a: Tensor, b: Tensor, degree: int) -> float:
    """Of the unbiased MMD^2 between all of a, (N, D), and all of b, (M, D).

    To first order MMD^2 is a mean over examples of twice the witness function, so its variance is
    4 Var[w(a)] / N + 4 Var[w(b)] / M (Gretton et al., "A kernel two-sample test", 2012, cor. 16,
    for sets of two sizes). Where the distributions are equal the first order vanishes, and what is
    left of the estimate is on the safe side.
    """
    a_some, b_some = evenly(a, WITNESSES).double(), evenly(b, WITNESSES).double()

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / x.shape[1] + 1) ** degree

    across = kernel(a_some, b_some)  # (n, m)
    a_witness = mean_of_others(kernel(a_some, a_some)) - across.mean(1)  # (n,)
    b_witness = mean_of_others(kernel(b_some, b_some)) - across.mean(0)  # (m,)
    return math.sqrt(4 * a_witness.var().item() / len(a) + 4 * b_witness.var().item() / len(b))


def mean_of_others(kernel: Tensor) -> Tensor:
    """The mean of each row of (N, N) without its diagonal."""
    return (kernel.sum(1) - kernel.diagonal()) / (len(kernel) - 1)


def evenly(x: Tensor, n: int) -> Tensor:
    """Up to ``n`` rows at even distances: a data set may be sorted, so never the first ones."""
    return x if len(x) <= n else x[torch.arange(n) * len(x) // n]
