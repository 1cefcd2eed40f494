from __future__ import annotations

from collections.abc import Mapping

import torch
from genbench_toys.autoencoder import Autoencoder
from torch import Tensor

from genbench.contract import Batch, Step


class DefaultDtype(Autoencoder):
    """FAULT: a train step changes the default dtype of the process."""

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        losses = super().train_step(batch, step)
        torch.set_default_dtype(torch.float64)
        return losses
