from __future__ import annotations

import torch
from genbench_toys.squares import Squares
from torch import Tensor

from genbench.contract import Examples, Splits


class WrongLevels(Squares):
    """FAULT: its pixels take 17 values, and it says 256."""

    def load(self) -> Splits:
        return Splits(*(Examples(grey(x % 17), y) for x, y in super().load()))


def grey(ink: Tensor) -> Tensor:
    return (ink * (255 / 16)).round().to(torch.uint8)
