from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.distance import Distance

from genbench.contract import Evidence, Measurement, NotApplicable, Score


class OneSided(Distance):
    """FAULT: the distance is said to be symmetric, and is in units of the real spread."""

    scores = (Score("distance", better="lower", swapped="distance", blind=("copies",)),)

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        real, samples = evidence.features("real").double(), evidence.features("samples").double()
        return {
            "distance": float(((real.mean(0) - samples.mean(0)) / real.std(0, correction=0)).norm())
        }
