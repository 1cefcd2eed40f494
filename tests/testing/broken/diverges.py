from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.autoencoder import Autoencoder
from torch import Tensor

from genbench.contract import Batch, Step


class Diverges(Autoencoder):
    """FAULT: a loss is the logarithm of something that is negative."""

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        losses = super().train_step(batch, step)
        return {"log": (losses["reconstruction"] - 100).log()}
