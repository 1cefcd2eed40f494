from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.error import Error as Squared

from genbench.contract import Evidence, Measurement, NotApplicable


class NanForExact(Squared):
    """FAULT: it gives a NaN where it should give NotApplicable."""

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        return {"error": float("inf") - float("inf")}
