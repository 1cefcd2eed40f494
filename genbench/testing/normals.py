"""Features of two normal distributions, whose Fréchet distance has a closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from genbench.streams import generator
from genbench.testing.evidence import GivenEvidence
from genbench.testing.parts import Part

REAL = torch.tensor([[4.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
SAMPLES = torch.tensor([[5.0, 2.0], [2.0, 1.0]], dtype=torch.float64)
"""Covariances of the first two features."""


def of_two_normals(given: GivenEvidence) -> GivenEvidence:
    """The same evidence with features of which mean and covariance are known, but for rounding.

    Those of the real examples have mean 0 and covariance `REAL` in their first two dimensions,
    those of the samples mean (1, 0) and covariance `SAMPLES`; all others are standard. The two
    covariances do not commute, so variances alone do not give the distance, nor do their roots. In
    the plane tr (A B)^(1/2) = (tr A B + 2 (det A B)^(1/2))^(1/2), here (21 + 4)^(1/2), and so
    ||mu_a - mu_b||^2 + tr(A + B - 2 (A B)^(1/2)) = 1 + 5 + 6 - 10 = 2 (Dowson and Landau, "The
    Fréchet distance between multivariate normal distributions", 1982).
    """

    def other(part: Part, x: Tensor) -> Tensor:
        found = _standard(len(x), x.shape[1], part)
        covariance = SAMPLES if part == "sample_features" else REAL
        found[:, :2] @= torch.linalg.cholesky(covariance).T
        found[:, 0] += part == "sample_features"
        return found.float()

    title = "features of two normals"
    return given.changed(other, title, ("real_features", "sample_features"))


def _standard(n: int, d: int, name: str) -> Tensor:
    """float64 (n, d), n above d, of mean 0 and covariance I exactly: whitened, not by chance."""
    x = torch.randn(n, d, generator=generator(0, f"normals/{name}"), dtype=torch.float64)
    x = x - x.mean(0)
    root: Tensor = torch.linalg.cholesky(x.T.cov())
    whitened: Tensor = torch.linalg.solve_triangular(root, x.T, upper=False).T
    return whitened.contiguous()
