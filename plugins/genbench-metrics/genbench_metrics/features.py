"""The two sets of features that FID and KID compare, checked."""

from __future__ import annotations

from torch import Tensor

from genbench.contract import Evidence
from genbench.errors import GenbenchError


def feature_pair(metric: str, evidence: Evidence) -> tuple[Tensor, Tensor]:
    """Features of the samples and of the real split, both float32 (N, D).

    Raises:
        GenbenchError: fewer than two of either, which have no spread; or values that are NaN or
            infinite.
    """
    samples, real = evidence.features("samples"), evidence.features("real")
    for features, what in (samples, "samples"), (real, f"real images of {evidence.real.name}"):
        if len(features) < 2:
            raise GenbenchError(f"{metric} needs at least 2 {what}, there are {len(features)}.")
        if not features.isfinite().all():
            raise GenbenchError(f"{metric} cannot be measured: features of {what} are not finite.")
    return samples, real
