from __future__ import annotations

from collections.abc import Mapping

import torch
from genbench_toys.error import Error as Squared

from genbench.contract import Evidence, Measurement, NotApplicable


class RandomSubset(Squared):
    """FAULT: it measures a random half, drawn from the global stream."""

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        half = torch.randperm(len(evidence.originals))[: len(evidence.originals) // 2]
        difference = evidence.reconstructions[half] - evidence.originals[half]
        return {"error": float(difference.square().mean())}
