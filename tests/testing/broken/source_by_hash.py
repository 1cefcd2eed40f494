from __future__ import annotations

from genbench_toys.squares import Squares


class SourceByHash(Squares):
    """FAULT: its source is Python's hash of a text: another in each process."""

    def source(self) -> str:
        return f"squares-{hash('squares.bin')}"
