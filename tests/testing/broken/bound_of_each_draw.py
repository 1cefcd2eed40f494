from __future__ import annotations

import torch
from genbench_toys.autoencoder import Autoencoder
from torch import Generator, Tensor


class BoundOfEachDraw(Autoencoder):
    """FAULT: log_likelihood_bound gives the k terms of its bound, and does not join them."""

    def log_likelihood_bound(self, x: Tensor, rng: Generator, k: int) -> Tensor:
        code = self.encode(x)
        draws = code + torch.randn(k, *code.shape, generator=rng, device=rng.device)
        x_again = self.decoder(draws.flatten(0, 1)).view(k, *x.shape)
        return -(x_again - x).square().flatten(2).sum(2) / 2
