from __future__ import annotations

from genbench_toys.distance import Distance

from genbench.contract import Score


class OverlooksCopies(Distance):
    """FAULT: it does not say that training examples have a distance as small as any."""

    scores = (Score("distance", better="lower"),)
