from __future__ import annotations

from genbench_toys.autoencoder import Autoencoder
from torch import Generator, Tensor


class TrainMode(Autoencoder):
    """FAULT: sample goes to train() and stays there."""

    def sample(self, n: int, rng: Generator) -> Tensor:
        self.decoder.train()
        return super().sample(n, rng)
