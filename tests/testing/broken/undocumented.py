from __future__ import annotations

from collections.abc import Mapping

from genbench.contract import Evidence, Measurement, Need, NotApplicable, Score


class Undocumented:
    """FAULT: of its two scores it says what one is, the mse of all that is reconstructed."""

    version = "1"
    needs: tuple[Need, ...] = ("reconstruct",)
    scores = (Score("mse", better="lower"), Score("largest", better="lower"))

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        squared = (evidence.originals - evidence.reconstructions).square()
        return {"mse": float(squared.mean()), "largest": float(squared.max())}
