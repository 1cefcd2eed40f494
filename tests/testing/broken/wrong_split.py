from __future__ import annotations

from collections.abc import Mapping

from genbench.contract import Evidence, Score


class WrongSplit:
    """FAULT: the score is of the training split in place of the samples.

    Better lower, the distance of two means of features.
    """

    version = "1"
    needs = ("sample", "features")
    scores = (Score("distance", better="lower"),)

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        means = [evidence.features(of).double().mean(0) for of in ("train", "real")]
        return {"distance": (means[0] - means[1]).norm().item()}
