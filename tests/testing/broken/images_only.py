from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.error import Error as Squared

from genbench.contract import Evidence, Measurement, NotApplicable


class ImagesOnly(Squared):
    """FAULT: on points it raises where it should give NotApplicable."""

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        n, _channels, _height, _width = evidence.originals.shape
        difference = evidence.reconstructions - evidence.originals
        return {"error": float(difference.square().sum()) / n}
