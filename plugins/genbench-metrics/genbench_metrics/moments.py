"""Mean and covariance of features, and the Fréchet distance of the normals that have them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

BLOCK = 1024
"""Rows that are in float64 at once."""

Moments = Mapping[str, Tensor]
"""``mean`` (D,), ``root`` (D, D) with root root^T the covariance, and its ``trace`` (): float64."""


def moments(x: Tensor) -> Moments:
    """Those of features (N, D), at least two, in two passes of blocks and in float64.

    The covariance is the unbiased one, as in `numpy.cov`. Its root is what a distance needs of it,
    and costs more than all else: whoever keeps moments keeps that, too.
    """
    mean = sum((part.double().sum(0) for part in x.split(BLOCK)), torch.zeros(())) / len(x)
    scatter = torch.zeros(x.shape[1], x.shape[1], dtype=torch.float64)
    for part in x.split(BLOCK):
        # about the mean: products of what is far from 0 would lose the digits that matter
        centred = part.double() - mean
        scatter.addmm_(centred.T, centred)
    covariance = scatter / (len(x) - 1)
    values, vectors = torch.linalg.eigh(covariance)
    # what an eigenvalue is off by: of fewer examples than features most are such zeros
    zero = len(values) * torch.finfo(torch.float64).eps * values.amax()
    values = torch.where(values > zero, values, 0)
    root = (vectors * values.sqrt()).contiguous()
    return {"mean": mean, "root": root, "trace": covariance.trace()}


def frechet(a: Moments, b: Moments) -> float:
    """||mu_a - mu_b||^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), at least 0.

    With C = R R^T the eigenvalues of C_a C_b are the squares of the singular values of R_a^T R_b.
    So the root of a product that is not symmetric is never taken: its small eigenvalues are
    rounding, half of whose digits a square root would bring back.
    """
    between_means = (a["mean"] - b["mean"]).square().sum()
    shared = torch.linalg.svdvals(a["root"].T @ b["root"]).sum()
    distance = float(between_means + a["trace"] + b["trace"] - 2 * shared)
    return max(0.0, distance)  # rounding can leave equal sets below 0
