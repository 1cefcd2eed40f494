from __future__ import annotations

from genbench_toys.autoencoder import Autoencoder
from torch import Generator, Tensor


class Sigmoid(Autoencoder):
    """FAULT: its samples are images in [0, 1]."""

    def sample(self, n: int, rng: Generator) -> Tensor:
        return super().sample(n, rng).sigmoid()
