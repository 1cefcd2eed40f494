from __future__ import annotations

from collections.abc import Mapping

import torch
from genbench_toys.error import Error as Squared

from genbench.contract import Evidence, Measurement, NotApplicable


class StaysOnTheCpu(Squared):
    """FAULT: the weights of the error lie on the CPU, wherever what they weigh is."""

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        squared = (evidence.originals - evidence.reconstructions).square().flatten(1)
        weights = torch.linspace(1, 2, squared.shape[1])
        return {"error": float((weights * squared).mean())}
