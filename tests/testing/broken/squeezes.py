from __future__ import annotations

from genbench_toys.autoencoder import Autoencoder
from torch import Generator, Tensor


class Squeezes(Autoencoder):
    """FAULT: a single sample comes without its first dimension."""

    def sample(self, n: int, rng: Generator) -> Tensor:
        x = super().sample(n, rng)
        return x[0] if n == 1 else x
