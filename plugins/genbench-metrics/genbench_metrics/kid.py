"""Kernel Inception distance: an unbiased squared MMD between two sets of features."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor

from genbench.contract import Evidence, Measurement, Score
from genbench.errors import GenbenchError
from genbench_metrics.features import feature_pair

SEED = 2020
"""Of the subsets: torch-fidelity's default."""

BLOCK = 250
"""Rows of a kernel matrix that are in memory at once."""

WITNESSES = 1000
"""Examples of each set that the standard error is estimated from."""


class KID:
    """KID of samples against the real split (Bińkowski et al., 2018, section 4).

    The mean of the unbiased estimate of MMD^2 over ``subsets`` random pairs of subsets, under the
    kernel (x.y / D + 1)^degree, in float64. Lower is better, without bounds and without a unit:
    where two distributions are equal it is 0 on average, so it can be negative, and of identical
    sets it is below 0. The subsets are those of torch-fidelity's default seed, its ``input1`` the
    samples and its ``input2`` the real images: the same for every model with as many samples.

    Torch-fidelity also gives the standard deviation over subsets. It is no error of the mean:
    subsets overlap, and where they are whole sets they do not differ at all. The error given here
    is what fresh samples and fresh real images would change (`standard_error`).

    Blind to copies: training examples given back score as well as fresh ones. Blind to what the
    first ``degree`` moments of the features do not show.

    Args:
        subset_size: examples in a subset; all of the smaller set where that has fewer.
        subsets: how many pairs of subsets.
        degree: of the polynomial kernel.
    """

    version = "1"
    needs = ("sample", "features")
    invariances = ("feature-rotation",)
    scores = (Score("kid", better="lower", blind=("copies",)),)

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
            NotApplicableError: fewer than two samples or real images.
            GenbenchError: features that are not finite or too large for the kernel.
        """
        samples, real = feature_pair("kid", evidence)
        size = min(self.subset_size, len(samples), len(real))
        drawn = Subsets(len(samples), len(real), size, self.subsets)
        among_real = evidence.statistics(
            # which real examples are drawn depends on how many samples are drawn from beside them
            f"kernel 1: {self.subsets} subsets of {size} beside {len(samples)} samples, "
            f"degree {self.degree}",
            "real",
            lambda x: {"sums": doubles([self.among(x[j]) for _, j in drawn])},
        )["sums"]
        mmds = []
        for (i, j), own in zip(drawn, among_real.tolist(), strict=True):
            x, y = samples[i], real[j]
            mmd = (self.among(x) + own) / (size * (size - 1)) - 2 * self.across(x, y) / size**2
            mmds.append(mmd)
        kid = doubles(mmds).mean().item()
        of_subsets = doubles(mmds).std(correction=0).item() / math.sqrt(self.subsets)
        error = math.hypot(standard_error(samples, real, self.degree), of_subsets)
        # The error overflows first: it has squares of kernels in it.
        if not (math.isfinite(kid) and math.isfinite(error)):
            largest = max(samples.abs().max().item(), real.abs().max().item())
            raise GenbenchError(
                f"kid overflows: features reach {largest:.3g}, too much for float64 at "
                f"degree {self.degree}. Use an extractor that scales its features."
            )
        return {"kid": Measurement(kid, error)}

    # Sums are numbers, not tensors: small ones that stay, between large ones that go, would leave
    # memory in pieces that no later subset fits in.

    def among(self, x: Tensor) -> float:
        """The kernel's sum over all pairs of different rows of x (N, D)."""
        x = x.double() / x.shape[1] ** 0.5
        total = 0.0
        for start in range(0, len(x), BLOCK):
            part, rest = x[start : start + BLOCK], x[start + BLOCK :]
            # the kernel is symmetric: what is above the diagonal counts twice
            kernel = polynomial(part @ part.T, self.degree)
            total += (kernel.sum() - kernel.diagonal().sum()).item()
            total += 2 * polynomial(part @ rest.T, self.degree).sum().item()
        return total

    def across(self, x: Tensor, y: Tensor) -> float:
        """The kernel's sum over all pairs of a row of x (N, D) and one of y (M, D)."""
        x, y = x.double() / x.shape[1], y.double()
        return sum(polynomial(part @ y.T, self.degree).sum().item() for part in x.split(BLOCK))


def doubles(numbers: list[float]) -> Tensor:
    """Float64 (N,)."""
    return torch.tensor(numbers, dtype=torch.float64)


class Subsets:
    """Pairs of subsets, ``number`` of them: rows int64 (size,) of samples and of real examples.

    Drawn in the order of torch-fidelity's ``kid_features_to_metric``, and the same every time.
    """

    def __init__(self, samples: int, real: int, size: int, number: int) -> None:
        self.samples, self.real, self.size, self.number = samples, real, size, number

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        rng = np.random.RandomState(SEED)
        for _ in range(self.number):
            i = rng.choice(self.samples, self.size, replace=False)
            j = rng.choice(self.real, self.size, replace=False)
            yield torch.from_numpy(i), torch.from_numpy(j)


def polynomial(product: Tensor, degree: int) -> Tensor:
    """(product + 1)^degree, in the memory of ``product``."""
    return product.add_(1).pow_(degree)


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
