from __future__ import annotations

from genbench_toys.autoencoder import Autoencoder
from torch import Generator, Tensor

from genbench.contract import DataSpec


class RemembersWeights(Autoencoder):
    """FAULT: sample scales by what the weights were when it was first called."""

    def __init__(self, data: DataSpec) -> None:
        super().__init__(data)
        self.scale: Tensor | None = None

    def sample(self, n: int, rng: Generator) -> Tensor:
        if self.scale is None:
            self.scale = self.decoder[2].weight.std()
        return super().sample(n, rng) * self.scale
