from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.distance import Distance

from genbench.contract import Evidence, Measurement, NotApplicable


class FalseInvariance(Distance):
    """FAULT: it declares that the order of samples does not matter, and looks at the first ten."""

    invariances = ("feature-rotation", "sample-order")

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        gap = evidence.features("real").mean(0) - evidence.features("samples")[:10].mean(0)
        return {"distance": float(gap.norm())}
