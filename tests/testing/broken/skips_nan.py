from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.error import Error as Squared

from genbench.contract import Evidence, Measurement, NotApplicable


class SkipsNan(Squared):
    """FAULT: the error is a mean over what is left without NaN."""

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        return {"error": float((evidence.originals - evidence.reconstructions).square().nanmean())}
