from __future__ import annotations

from collections.abc import Mapping

from genbench.contract import Evidence, Score
from genbench.errors import NotApplicableError


class NeverApplies:
    """FAULT: whatever there is, it is too little."""

    version = "1"
    needs = ("sample", "features")
    invariances = ("sample-order",)
    scores = (Score("energy", better="lower", range=(0, None), swapped="energy"),)

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        raise NotApplicableError("energy needs more samples")
