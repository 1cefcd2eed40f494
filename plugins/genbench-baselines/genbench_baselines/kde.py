"""Kernel density estimation: the training set, each example a small Gaussian.

Murray Rosenblatt, "Remarks on Some Nonparametric Estimates of a Density Function", 1956, and
Emanuel Parzen, "On Estimation of a Probability Density Function and Mode", 1962. The bandwidth is
that of R. P. W. Duin, "On the Choice of Smoothing Parameters for Parzen Estimators of Probability
Density Functions", 1976: the likelihood of examples that are left out.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from annotated_types import Gt
from torch import Generator, Tensor, nn

from genbench.contract import DataSpec, Split
from genbench_baselines.levels import dequantised, quantised

BLOCK = 512
"""Examples on either side of the distances that are in memory at once: 2 MiB in float64."""

JUDGES = 1000
"""Training examples that bandwidths are judged by, left out one at a time."""

NARROWEST = 1e-4
"""Bandwidth that is tried, as a fraction of the data's standard deviation."""

ROUNDS, TRIED = 3, 11
"""Of the search for a bandwidth; each round tries so many around the best of the one before."""


class KDE(nn.Module):
    """p(x) = 1/N sum_i N(x; x_i, h^2 I)

    over the N training examples, pixels made continuous (`genbench_baselines.levels`). A sample is
    a training example, drawn with replacement, plus noise of standard deviation h in every
    direction. Where `memorizer` gives back what it was shown, this is the simplest density that
    has all of it in it, and both its samples and its likelihood are exact.

    Without a ``bandwidth``, h maximises the likelihood of the training split, each example under
    the estimate that is made of the others:

        sum_i log 1/(N-1) sum_(j != i) N(x_i; x_j, h^2 I)

    The likelihood with nothing left out would grow without end as h goes to 0. Of many examples
    a thousand at even distances are summed over; the inner sum is always over all.

    In many dimensions that h is a compromise. Wide enough to reach an image that it has not seen,
    it is more noise than FID forgives; narrow enough for FID, it has next to no density between
    the examples. On 8x8 digits, over three seeds, nats per image of the test split:

        h                0.05    0.1   0.15    0.2   0.25   0.27 (chosen)
        log-likelihood   -844   -161    -52    -23    -16    -15
        FID              0.28   0.34   0.50   0.79   1.23   1.48

    Args:
        data: any images and points.
        bandwidth: h, in the data's own unit, for images that of pixels in [-1, 1].
    """

    examples: Tensor
    bandwidth: Tensor

    def __init__(self, data: DataSpec, *, bandwidth: Annotated[float, Gt(0)] | None = None) -> None:
        super().__init__()
        if bandwidth is None and data.size < 2:
            raise ValueError(
                f"kde needs a bandwidth: {data.name} has {data.size} training example, of which "
                "none can be left out"
            )
        self.data = data
        self.chosen = bandwidth
        self.register_buffer("examples", torch.zeros(data.size, math.prod(data.shape)))
        self.register_buffer("bandwidth", torch.tensor(1.0 if bandwidth is None else bandwidth))

    def fit(self, train: Split, rng: Generator) -> None:
        """Keep the training split, and choose the bandwidth where it was not given."""
        self.examples.copy_(dequantised(train, self.data, rng))
        if self.chosen is None:
            self.bandwidth.fill_(likeliest_bandwidth(self.examples))

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Draw from the density: float32 (n, *shape), images of the levels that they can have."""
        device = self.examples.device
        index = torch.randint(len(self.examples), (n,), generator=rng, device=device)  # (n,)
        noise = torch.randn(n, self.examples.shape[1], generator=rng, device=device)  # (n, dim)
        x = self.examples[index] + self.bandwidth * noise
        return quantised(x, self.data).view(-1, *self.data.shape)

    def log_likelihood(self, x: Tensor, rng: Generator) -> Tensor:
        """log p(x) of x (N, *shape), made continuous: float32 (N,), nats."""
        h = self.bandwidth.double()
        density = torch.cat(
            [log_sums(block, self.examples, h[None])[:, 0] for block in x.flatten(1).split(BLOCK)]
        )  # (N,)
        dim = self.examples.shape[1]
        constant = math.log(len(self.examples)) + dim / 2 * math.log(2 * math.pi)
        return (density - dim * h.log() - constant).float()


def likeliest_bandwidth(examples: Tensor) -> float:
    """The h of the largest leave-one-out likelihood of examples (N, dim), to a few hundredths.

    It lies between the data's own standard deviation and `NARROWEST` of it, where a search ends
    for data of which most examples are there twice: their likelihood has no maximum.
    """
    std = examples.double().var(0, correction=0).mean().sqrt().item()
    std = max(std, 1e-10)  # data that never changes has a bandwidth, too
    left_out = torch.arange(min(len(examples), JUDGES), device=examples.device)
    left_out = left_out * len(examples) // len(left_out)  # even distances: data may be sorted
    low, high = math.log(NARROWEST * std), math.log(std)
    for _ in range(ROUNDS):
        tried = torch.linspace(low, high, TRIED, dtype=torch.float64, device=examples.device)
        total = torch.cat(
            [
                log_sums(examples[index], examples, tried.exp(), without=index)
                for index in left_out.split(BLOCK)
            ]
        ).sum(0)  # (TRIED,)
        total = total - len(left_out) * examples.shape[1] * tried
        best, step = tried[total.argmax()].item(), (high - low) / (TRIED - 1)
        low, high = max(low, best - step), min(high, best + step)
    return math.exp(best)


def log_sums(
    x: Tensor, centres: Tensor, bandwidths: Tensor, without: Tensor | None = None
) -> Tensor:
    """log sum_j exp(-||x_i - c_j||^2 / 2h^2) for each x and h: float64 (N, len(bandwidths)).

    Args:
        x: (N, dim).
        centres: (M, dim).
        bandwidths: (H,), float64.
        without: for each x, the centre that its sum leaves out, (N,).
    """
    origin = centres[0].double()  # near the data: squares of what is far away lose digits
    x = x.double() - origin
    sums = torch.full((len(x), len(bandwidths)), -math.inf, dtype=x.dtype, device=x.device)
    for start in range(0, len(centres), BLOCK):
        squared = squared_distances(x, centres[start : start + BLOCK].double() - origin)
        if without is not None:
            here = (without >= start) & (without < start + squared.shape[1])
            squared[here, without[here] - start] = math.inf
        nearest = squared.amin(1, keepdim=True)  # (N, 1)
        nearest.clamp_(max=torch.finfo(nearest.dtype).max)  # where nothing is left, no inf - inf
        beyond = (squared - nearest).float()  # four times as fast from here on, and as good
        for column, scale in enumerate(-0.5 / bandwidths.square()):
            # Below -80 nothing is left beside the nearest, and exp is ten times as slow there.
            total = (beyond * scale).clamp_(min=-80).exp_().sum(1).double().log()  # (N,)
            total += scale * nearest[:, 0]
            sums[:, column] = torch.logaddexp(sums[:, column], total)
    return sums


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Of each pair of rows of a (N, dim) and b (M, dim): (N, M)."""
    squares = a.square().sum(1, keepdim=True) + b.square().sum(1)
    return torch.addmm(squares, a, b.T, alpha=-2).clamp_(min=0)  # rounding may end below 0
