from __future__ import annotations

from genbench_toys.squares import Squares


class UnknownExtractor(Squares):
    """FAULT: it names an extractor that nobody has."""

    extractor = "toy-pixel"
