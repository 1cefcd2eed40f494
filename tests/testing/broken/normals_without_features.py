from __future__ import annotations

from collections.abc import Mapping

from genbench.contract import Evidence, Score


class NormalsWithoutFeatures:
    """FAULT: its score of features of two normals is said to be known, and it looks at none."""

    version = "1"
    needs = ("sample",)
    scores = (Score("brightness", known={"normals": 2.0}),)

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        return {"brightness": evidence.samples.double().mean().item()}
