from __future__ import annotations

from collections.abc import Mapping

from genbench.contract import Evidence, Score


class ForgetsCorrelations:
    """FAULT: a Fréchet distance of each feature for itself."""

    version = "1"
    needs = ("sample", "features")
    scores = (Score("frechet", better="lower", known={"normals": 2.0}, blind=("copies",)),)

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        x, y = (evidence.features(of).double() for of in ("samples", "real"))
        means, deviations = x.mean(0) - y.mean(0), x.std(0) - y.std(0)
        return {"frechet": (means.square() + deviations.square()).sum().item()}
