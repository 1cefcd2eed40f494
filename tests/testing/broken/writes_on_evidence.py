from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.error import Error as Squared

from genbench.contract import Evidence, Measurement, NotApplicable


class WritesOnEvidence(Squared):
    """FAULT: it subtracts in place, and the next metric finds the difference."""

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        difference = evidence.reconstructions.sub_(evidence.originals)
        return {"error": float(difference.square().mean())}
