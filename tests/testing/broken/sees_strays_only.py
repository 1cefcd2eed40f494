from __future__ import annotations

from collections.abc import Mapping

import torch

from genbench.contract import Evidence, Score
from genbench.errors import GenbenchError, NotApplicableError


class SeesStraysOnly:
    """FAULT: it does not say that what has collapsed is near real examples all the same."""

    version = "1"
    needs = ("sample", "features")
    scores = (Score("strays", better="lower", range=(0, 1), blind=("copies",)),)

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        samples, real = evidence.features("samples"), evidence.features("real")
        if not len(samples) or not len(real):
            raise NotApplicableError("strays needs samples and real examples")
        train = evidence.features("train")
        usual = torch.cdist(train, real).amin(1).max()
        nearest = torch.cdist(samples, real).amin(1)
        if not torch.stack([usual, nearest.max()]).isfinite().all():
            raise GenbenchError("strays cannot be measured: features are not finite.")
        return {"strays": (nearest > 2 * usual).double().mean().item()}
