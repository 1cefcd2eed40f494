from __future__ import annotations

from genbench_toys.squares import Squares


class SourceThatMovesOn(Squares):
    """FAULT: what it loads after it was asked for its source is other data."""

    def source(self) -> str:
        self.seed = 1
        return "squares-1"
