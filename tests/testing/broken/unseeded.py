from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from genbench_toys.autoencoder import Autoencoder
from torch import Tensor
from torch.nn.functional import mse_loss

from genbench.contract import Batch, Step


class Unseeded(Autoencoder):
    """FAULT: the noise of a train step comes from a generator that nobody seeded."""

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        drawn = np.random.default_rng().normal(size=(len(batch.x), self.latent_dim))
        noise = torch.tensor(drawn, dtype=torch.float32, device=batch.x.device)
        loss = mse_loss(self.decoder(self.encoder(batch.x) + noise), batch.x)
        step(autoencoder=loss)
        return {"loss": loss}
