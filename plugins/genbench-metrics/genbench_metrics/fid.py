"""Fréchet Inception distance: how far apart two sets of features are, taken as two normals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from genbench.contract import Evidence, Score
from genbench_metrics.features import feature_pair
from genbench_metrics.moments import Moments, frechet, moments


class FID:
    """FID of the samples against the real split (Heusel et al., 2017, eq. 6).

    ||mu_a - mu_b||^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) of means and covariances of features, in
    float64. Lower is better, from 0, in the square of the extractor's unit.

    It is biased: fewer samples or fewer real images give a larger FID, the more so the more
    features there are. It is comparable at equal numbers of both, and its floor is what the
    training split scores against the real split, not 0.

    Blind to copies: training examples given back score best of all. Blind to all but the first two
    moments of the features.
    """

    version = "1"
    needs = ("sample", "features")
    invariances = ("sample-order", "real-order", "feature-rotation", "batch-size", "device")
    scores = (
        Score(
            "fid",
            better="lower",
            range=(0.0, None),
            known={"identical": 0.0, "normals": 2.0},
            swapped="fid",
            blind=("copies",),
        ),
    )

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        """The FID.

        Raises:
            NotApplicableError: fewer than two samples or real images.
            GenbenchError: features that are not finite.
        """
        samples, _ = feature_pair("fid", evidence)
        return {"fid": frechet(moments(samples), kept_moments(evidence, "real"))}


def kept_moments(evidence: Evidence, of: Literal["real", "train"]) -> Moments:
    """Moments of a whole split, made once for all models."""
    return evidence.statistics("moments 1", of, moments)


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """||mu_a - mu_b||^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) of features (N, D) and (M, D)."""
    return frechet(moments(a), moments(b))
