from __future__ import annotations

from genbench_toys.distance import Distance

from genbench.contract import Score


class BeyondItsRange(Distance):
    """FAULT: the distance is said to be at most a tenth."""

    scores = (Score("distance", better="lower", range=(0, 0.1), blind=("copies",)),)
