from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.autoencoder import Autoencoder
from torch import Tensor
from torch.nn.functional import mse_loss

from genbench.contract import Batch, DataSpec, Step


class PlainBalance(Autoencoder):
    """FAULT: the balance of its loss, which training moves, is a plain number and not a buffer."""

    def __init__(self, data: DataSpec, *, rate: float = 0.1) -> None:
        super().__init__(data)
        self.rate = rate
        self.balance = 1.0

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        loss = self.balance * mse_loss(self.decoder(self.encoder(batch.x)), batch.x)
        step(autoencoder=loss)
        self.balance *= 1 - self.rate
        return {"loss": loss}
