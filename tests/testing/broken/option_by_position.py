from __future__ import annotations

from genbench_toys.distance import Distance


class OptionByPosition(Distance):
    """FAULT: its scale stands before the '*', where ``--set`` does not reach it."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__(scale=scale)
