from __future__ import annotations

from collections.abc import Mapping

import torch
from genbench_toys.autoencoder import Autoencoder
from torch import Tensor
from torch.nn.functional import mse_loss

from genbench.contract import Batch, Step


class HomelessNoise(Autoencoder):
    """FAULT: the noise of a train step is made on the CPU, wherever the model is."""

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        noise = 0.01 * torch.randn(len(batch.x), self.latent_dim)
        loss = mse_loss(self.decoder(self.encoder(batch.x) + noise), batch.x)
        step(autoencoder=loss)
        return {"loss": loss}
