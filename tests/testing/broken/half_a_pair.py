from __future__ import annotations

from collections.abc import Mapping

from genbench.contract import Evidence, Measurement, Need, NotApplicable, Score


class HalfAPair:
    """FAULT: the norm of real features is not said to become that of samples' when they swap."""

    version = "1"
    needs: tuple[Need, ...] = ("sample", "features")
    scores = (Score("samples", swapped="real"), Score("real"))

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        return {
            "samples": float(evidence.features("samples").norm(dim=1).mean()),
            "real": float(evidence.features("real").norm(dim=1).mean()),
        }
