from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from genbench.contract import Evidence, Score
from genbench.errors import NotApplicableError


class RootsOfEach:
    """FAULT: the distance of the roots of two covariances, in place of the root of their product.

    The two are one where the covariances commute.
    """

    version = "1"
    needs = ("sample", "features")
    scores = (Score("frechet", better="lower", known={"normals": 2.0}, blind=("copies",)),)

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        x, y = (evidence.features(of).double() for of in ("samples", "real"))
        if min(len(x), len(y)) < 2:
            raise NotApplicableError("frechet needs at least 2 of each")
        means = (x.mean(0) - y.mean(0)).square().sum()
        return {"frechet": (means + (root(x.T.cov()) - root(y.T.cov())).square().sum()).item()}


def root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    found: Tensor = vectors * values.clamp(min=0).sqrt() @ vectors.T
    return found
