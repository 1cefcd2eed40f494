"""The mean squared error of reconstructions."""

from __future__ import annotations

from collections.abc import Mapping

from genbench.contract import Evidence, Measurement, Need, NotApplicable, Score


class Error:
    """Needs a model that reconstructs; ``broken`` gives what a metric must not."""

    version = "1"
    needs: tuple[Need, ...] = ("reconstruct",)
    scores = (Score("error", better="lower", unit="squared"),)

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        if self.broken:
            return {"error": float("nan")}
        return {"error": float((evidence.originals - evidence.reconstructions).square().mean())}
