from __future__ import annotations

import torch
from genbench_toys.autoencoder import Autoencoder
from torch import Generator, Tensor

from genbench.contract import DataSpec


class PlainTensor(Autoencoder):
    """FAULT: the scale of its prior is a tensor, but no buffer."""

    def __init__(self, data: DataSpec) -> None:
        super().__init__(data)
        self.scale = torch.ones(self.latent_dim)

    def sample(self, n: int, rng: Generator) -> Tensor:
        z = torch.randn(n, self.latent_dim, generator=rng, device=rng.device)
        return self.decoder(self.scale * z)
