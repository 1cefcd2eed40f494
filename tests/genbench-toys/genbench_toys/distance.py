"""The distance of mean features: needs samples and an extractor."""

from __future__ import annotations

from collections.abc import Mapping

from genbench.contract import Evidence, Measurement, Need, NotApplicable, Score


class Distance:
    """Euclidean, scaled by an option so that there is one."""

    version = "1"
    needs: tuple[Need, ...] = ("sample", "features")
    scores = (Score("distance", better="lower", blind=("copies",)),)

    def __init__(self, *, scale: float = 1.0) -> None:
        self.scale = scale

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        gap = evidence.features("real").mean(0) - evidence.features("samples").mean(0)
        return {"distance": Measurement(self.scale * float(gap.norm()), error=0.01)}
