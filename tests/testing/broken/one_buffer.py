from __future__ import annotations

import torch
from genbench_toys.autoencoder import Autoencoder
from torch import Generator, Tensor

from genbench.contract import DataSpec


class OneBuffer(Autoencoder):
    """FAULT: what sample gives is a view of memory that the next call writes to."""

    def __init__(self, data: DataSpec) -> None:
        super().__init__(data)
        self.shape = data.shape
        self.drawn: dict[int, Tensor] = {}

    def sample(self, n: int, rng: Generator) -> Tensor:
        out = self.drawn.setdefault(n, torch.empty(n, *self.shape, device=rng.device))
        return out.copy_(super().sample(n, rng))
