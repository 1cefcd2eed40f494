from __future__ import annotations

from collections.abc import Mapping

from genbench.contract import Evidence, Measurement, Need, NotApplicable, Score


class ExactCopies:
    """FAULT: features of a copy are the original's but for rounding, and only equal ones count."""

    version = "1"
    needs: tuple[Need, ...] = ("sample", "features")
    invariances = ("batch-size",)
    scores = (Score("copies", better="lower", range=(0, 1), blind=("noise", "collapse")),)

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        samples = evidence.features("samples")
        if not len(samples) or not samples.isfinite().all():
            raise ValueError("copies are counted among one finite sample or more")
        known = {tuple(row) for row in evidence.features("train").tolist()}
        return {"copies": sum(tuple(row) in known for row in samples.tolist()) / len(samples)}
