"""A dense autoencoder that samples by decoding normal noise."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import mse_loss
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step


class Autoencoder(nn.Module):
    """Encoder and decoder of one hidden layer each."""

    def __init__(
        self, data: DataSpec, *, latent_dim: int = 2, width: int = 16, lr: float = 1e-2
    ) -> None:
        super().__init__()
        size = torch.Size(data.shape).numel()
        self.latent_dim = latent_dim
        self.lr = lr
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(size, width), nn.SiLU(), nn.Linear(width, latent_dim)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, width),
            nn.SiLU(),
            nn.Linear(width, size),
            nn.Unflatten(1, data.shape),
        )

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {"autoencoder": Adam(self.parameters(), lr=self.lr)}

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        code = self.encoder(batch.x)
        code = code + 0.01 * torch.randn_like(code)
        reconstruction = mse_loss(self.decoder(code), batch.x)
        step(autoencoder=reconstruction)
        return {"reconstruction": reconstruction}

    def sample(self, n: int, rng: Generator) -> Tensor:
        z = torch.randn(n, self.latent_dim, generator=rng, device=rng.device)
        return self.decoder(z)

    def reconstruct(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)
