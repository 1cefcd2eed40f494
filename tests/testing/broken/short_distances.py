from __future__ import annotations

from genbench_toys.corners import Places
from genbench_toys.squares import Squares
from torch import Tensor


class Short(Places):
    def locate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        distances, bins = super().locate(x)
        return distances.float(), bins


class ShortDistances(Squares):
    """FAULT: its manifold gives distances in float32."""

    manifold = Short()
