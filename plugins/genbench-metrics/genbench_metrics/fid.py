"""Fréchet Inception distance: how far apart two sets of features are, taken as two normals."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from genbench.contract import Evidence, Score
from genbench_metrics.features import feature_pair


class FID:
    """FID of the samples against the real split (Heusel et al., 2017, eq. 6), by torch-fidelity.

    It is biased: fewer samples or fewer real images give a larger FID, the more so the more
    features there are. It is comparable at equal numbers of both, and its floor is what the
    training split scores against the real split, not 0.
    """

    version = "1"
    needs = ("sample", "features")
    invariances = ("sample-order", "real-order", "feature-rotation")
    scores = (Score("fid", better="lower"),)

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        """The FID.

        Raises:
            GenbenchError: fewer than two samples or real images, or features that are not finite.
        """
        samples, real = feature_pair("fid", evidence)
        return {"fid": frechet_distance(samples, real)}


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """||mu_a - mu_b||^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) of features (N, D) and (M, D)."""
    # the import takes seconds: only who measures, pays
    from torch_fidelity.metric_fid import (
        KEY_METRIC_FID,
        fid_features_to_statistics,
        fid_statistics_to_metric,
    )

    # means over many float32 rows would lose digits that a small distance needs
    a, b = a.double(), b.double()
    if a.shape[1] == 1:
        # torch-fidelity takes no single feature; one that is always 0 adds no distance
        a, b = F.pad(a, (0, 1)), F.pad(b, (0, 1))
    metric = fid_statistics_to_metric(
        fid_features_to_statistics(a), fid_features_to_statistics(b), verbose=False
    )
    return max(0.0, float(metric[KEY_METRIC_FID]))  # rounding can leave equal sets below 0
