from __future__ import annotations

from collections.abc import Mapping

from genbench.contract import Evidence, Score


class ForgetsSpread:
    """FAULT: a Fréchet distance of means alone, without that of the covariances."""

    version = "1"
    needs = ("sample", "features")
    scores = (
        Score(
            "frechet",
            better="lower",
            known={"identical": 0.0, "normals": 2.0},
            blind=("collapse", "copies"),
        ),
    )

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        means = [evidence.features(of).double().mean(0) for of in ("samples", "real")]
        return {"frechet": (means[0] - means[1]).square().sum().item()}
