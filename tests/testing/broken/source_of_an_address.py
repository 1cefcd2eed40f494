from __future__ import annotations

from genbench_toys.squares import Squares


class SourceOfAnAddress(Squares):
    """FAULT: its source is where it lies in memory: another for every instance."""

    def source(self) -> str:
        return f"squares-{id(self)}"
