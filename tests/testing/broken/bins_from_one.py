from __future__ import annotations

from genbench_toys.corners import Places
from genbench_toys.squares import Squares
from torch import Tensor


class FromOne(Places):
    def locate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        distances, bins = super().locate(x)
        return distances, bins + 1


class BinsFromOne(Squares):
    """FAULT: its manifold counts bins from 1, so that the last is none."""

    manifold = FromOne()
