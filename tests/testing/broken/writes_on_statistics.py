from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.distance import Distance

from genbench.contract import Evidence, Measurement, NotApplicable


class WritesOnStatistics(Distance):
    """FAULT: it subtracts from what is kept in place, and the next model finds the difference."""

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        mean = evidence.statistics("mean", "real", lambda x: {"mean": x.mean(0)})["mean"]
        mean -= evidence.features("samples").mean(0)
        return {"distance": float(mean.norm())}
