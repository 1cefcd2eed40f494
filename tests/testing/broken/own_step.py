from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.autoencoder import Autoencoder
from torch import Tensor
from torch.nn.functional import mse_loss
from torch.optim import Optimizer

from genbench.contract import Batch, Step


class OwnStep(Autoencoder):
    """FAULT: beside step() it steps its optimizer itself, which no budget sees."""

    def optimizers(self) -> Mapping[str, Optimizer]:
        self.kept = super().optimizers()
        return self.kept

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        losses = super().train_step(batch, step)
        mse_loss(self.decoder(self.encoder(batch.x)), batch.x).backward()
        self.kept["autoencoder"].step()
        self.kept["autoencoder"].zero_grad()
        return losses
