from __future__ import annotations

import torch
from genbench_toys.corners import Places
from genbench_toys.squares import Squares, draw
from torch import Generator, Tensor


class Global(Places):
    def draw(self, n: int, rng: Generator) -> Tensor:
        return draw(n, torch.Generator().manual_seed(int(torch.randint(1000, ())))).x


class GlobalDraws(Squares):
    """FAULT: its manifold draws from the global stream, not from rng."""

    manifold = Global()
