from __future__ import annotations

from genbench_toys.clock import Clock

from genbench.contract import Score


class UnmarkedSeconds(Clock):
    """FAULT: seconds are not said to be a score of the hardware."""

    scores = (Score("seconds", unit="s"),)
