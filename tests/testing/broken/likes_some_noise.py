from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.distance import Distance

from genbench.contract import Evidence, Measurement, NotApplicable


class LikesSomeNoise(Distance):
    """FAULT: noise widens the samples' spread, in units of which the distance is measured."""

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        real, samples = evidence.features("real").double(), evidence.features("samples").double()
        gap = (real.mean(0) - samples.mean(0)) / (samples.std(0, correction=0) + 0.01)
        return {"distance": float(gap.norm())}
