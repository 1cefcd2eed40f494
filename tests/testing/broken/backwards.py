from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.distance import Distance

from genbench.contract import Evidence, Measurement, NotApplicable, Score


class Backwards(Distance):
    """FAULT: a similarity, which falls with the distance, is said to be better lower."""

    scores = (Score("similarity", better="lower"),)

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        distance = super().measure(evidence)["distance"]
        assert isinstance(distance, Measurement)
        return {"similarity": 1 / (1 + distance.value)}
