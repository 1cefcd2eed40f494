from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.distance import Distance

from genbench.contract import Evidence, Measurement, NotApplicable, Score


class Unbiased(Distance):
    """FAULT: the distance of identical sets is said to be 0, but an unbiased estimate is less."""

    scores = (Score("distance", better="lower", known={"identical": 0.0}, blind=("copies",)),)

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        real, samples = evidence.features("real").double(), evidence.features("samples").double()
        if not len(samples):
            raise ValueError("there are no samples to be distant")
        by_chance = sum(float(x.var(0, correction=0).sum()) / len(x) for x in (real, samples))
        return {"distance": float((real.mean(0) - samples.mean(0)).square().sum()) - by_chance}
