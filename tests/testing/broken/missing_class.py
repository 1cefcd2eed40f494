from __future__ import annotations

from genbench_toys.squares import Squares


class MissingClass(Squares):
    """FAULT: it has five classes by its own word, and four in its data."""

    classes = 5
