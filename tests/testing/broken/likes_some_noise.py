from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.distance import Distance

from genbench.contract import Evidence, Measurement, NotApplicable


class LikesSomeNoise(Distance):
    """FAULT: the distance is least for samples that are half as wide again as real examples."""

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        real, samples = evidence.features("real").double(), evidence.features("samples").double()
        wanted, there = 1.5 * real.std(0, correction=0), samples.std(0, correction=0)
        return {"distance": float((there - wanted).norm())}
