"""A normal distribution over all the numbers of an example, fitted by maximum likelihood."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch import Generator, Tensor, nn

from genbench.contract import DataSpec, Split
from genbench_baselines.moments import dimension, moments


class Gaussian(nn.Module):
    """x ~ N(mu, S + jitter v I): sample mean mu, sample covariance S, v the mean of its diagonal.

    Pixels that never change and fewer examples than pixels leave S singular. The jitter, a
    fraction of the mean variance, gives every direction a little of its own: at the default the
    samples of a constant pixel spread over about a thousandth of what others do. It is there so
    that S has a Cholesky factor, and is too little for the eye or for FID.
    """

    mean: Tensor
    factor: Tensor

    def __init__(self, data: DataSpec, *, jitter: Annotated[float, Gt(0)] = 1e-6) -> None:
        super().__init__()
        self.shape = data.shape
        self.jitter = jitter
        dim = dimension(data)
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("factor", torch.eye(dim))  # lower triangular, factor factor' = cov

    def fit(self, train: Split, rng: Generator) -> None:
        """Take the mean and the covariance of the training split."""
        mean, covariance = moments(train)
        variance = covariance.diagonal().mean().clamp(min=torch.finfo(torch.float64).eps)
        covariance.diagonal().add_(self.jitter * variance)
        self.mean.copy_(mean)
        self.factor.copy_(torch.linalg.cholesky(covariance))

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Draw from the density: float32 (n, *shape), not clipped to the range of pixels."""
        noise = torch.randn(n, len(self.mean), generator=rng, device=self.mean.device)  # (n, dim)
        return torch.addmm(self.mean, noise, self.factor.T).view(-1, *self.shape)
