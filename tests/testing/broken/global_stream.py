from __future__ import annotations

import torch
from genbench_toys.autoencoder import Autoencoder
from torch import Generator, Tensor


class GlobalStream(Autoencoder):
    """FAULT: sample draws from torch's global stream and not from rng."""

    def sample(self, n: int, rng: Generator) -> Tensor:
        return self.decoder(torch.randn(n, self.latent_dim, device=rng.device))
