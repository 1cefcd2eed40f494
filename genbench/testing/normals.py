"""Features of two normal distributions, whose Fréchet distance has a closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from genbench.streams import generator
from genbench.testing.evidence import GivenEvidence
from genbench.testing.parts import Part


def of_two_normals(given: GivenEvidence) -> GivenEvidence:
    """The same evidence with features of which mean and covariance are known.

    Those of the real examples have mean 0 and covariance I, those of the samples mean (1, 0, …) and
    covariance diag(4, 1, …, 1); rounding to float32 aside. So
    ||mu_a - mu_b||^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) = 1 + (2 - 1)^2 = 2 in any number of
    dimensions (Dowson and Landau, "The Fréchet distance between multivariate normal
    distributions", 1982).
    """

    def other(part: Part, x: Tensor) -> Tensor:
        found = _standard(len(x), x.shape[1], part)
        if part == "sample_features":
            found[:, 0] = 2 * found[:, 0] + 1
        return found.float()

    title = "features of two normals"
    return given.changed(other, title, ("real_features", "sample_features"))


def _standard(n: int, d: int, name: str) -> Tensor:
    """float64 (n, d), n above d, with mean 0 and covariance I: whitened, not in expectation."""
    x = torch.randn(n, d, generator=generator(0, f"normals/{name}"), dtype=torch.float64)
    x = x - x.mean(0)
    root: Tensor = torch.linalg.cholesky(x.T.cov())
    whitened: Tensor = torch.linalg.solve_triangular(root, x.T, upper=False).T
    return whitened.contiguous()
