from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.distance import Distance

from genbench.contract import Evidence, Measurement, NotApplicable


class DividesBySamples(Distance):
    """FAULT: a single sample has no variance, and the division by n - 1 is no clear error."""

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        samples = evidence.features("samples")
        if not len(samples):
            raise ValueError("there are no samples to be distant")
        distance = super().measure(evidence)["distance"]
        assert isinstance(distance, Measurement)
        variance = float((samples - samples.mean(0)).square().sum()) / (len(samples) - 1)
        return {"distance": Measurement(distance.value, (variance / len(samples)) ** 0.5)}
