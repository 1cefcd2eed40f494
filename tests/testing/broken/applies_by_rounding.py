from __future__ import annotations

from collections.abc import Mapping

from genbench.contract import Evidence, Measurement, Need, NotApplicable, Score


class AppliesByRounding:
    """FAULT: whether it applies depends on the last digits of features."""

    version = "1"
    needs: tuple[Need, ...] = ("sample", "features")
    invariances = ("sample-order", "batch-size")
    scores = (Score("largest"),)

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        samples = evidence.features("samples")
        if not len(samples) or not samples.isfinite().all():
            raise ValueError("the largest is one of finite features of one sample or more")
        known = {tuple(row) for row in evidence.features("train").tolist()}
        if not any(tuple(row) in known for row in samples.tolist()):
            return {"largest": NotApplicable("no sample is a training example")}
        return {"largest": float(samples.max())}
