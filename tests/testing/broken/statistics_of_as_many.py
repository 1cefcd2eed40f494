from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.distance import Distance

from genbench.contract import Evidence, Measurement, NotApplicable


class StatisticsOfAsMany(Distance):
    """FAULT: it keeps the mean of as many real examples as there are samples, for all models."""

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        samples = evidence.features("samples")
        kept = evidence.statistics("mean", "real", lambda x: {"mean": x[: len(samples)].mean(0)})
        return {"distance": float((kept["mean"] - samples.mean(0)).norm())}
