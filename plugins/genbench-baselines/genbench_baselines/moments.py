"""The mean and the covariance of a training split, which two of the baselines are made of."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genbench.contract import DataSpec, Split

MAX_DIM = 4096
"""A covariance of this many dimensions takes 128 MiB in float64, and minutes to decompose."""


def dimension(data: DataSpec) -> int:
    """Numbers in one example.

    Raises:
        ValueError: too many for a full covariance matrix.
    """
    dim = math.prod(data.shape)
    if dim > MAX_DIM:
        raise ValueError(
            f"{data.name} has examples of shape {data.shape}, that is {dim} numbers each; a full "
            f"covariance matrix is taken of at most {MAX_DIM}"
        )
    return dim


def moments(train: Split, batch_size: int = 1024) -> tuple[Tensor, Tensor]:
    """Mean (dim,) and maximum likelihood covariance (dim, dim) of a split, both float64.

    Two passes, because E[xx'] - E[x]E[x]' cancels where the mean is large against the spread.
    """
    mean = torch.stack([b.x.flatten(1).double().sum(0) for b in train.batches(batch_size)]).sum(0)
    mean = mean / len(train)  # (dim,)
    scatter = torch.zeros(len(mean), len(mean), dtype=torch.float64, device=mean.device)
    for batch in train.batches(batch_size):
        centred = batch.x.flatten(1).double() - mean  # (N, dim)
        scatter.addmm_(centred.T, centred)
    return mean, scatter / len(train)
