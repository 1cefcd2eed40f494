from __future__ import annotations

from collections.abc import Mapping

import torch
from genbench_toys.autoencoder import Autoencoder
from torch import Tensor

from genbench.contract import Batch, Step


class Reseeds(Autoencoder):
    """FAULT: train_step seeds torch by itself, so that every seed of a run is one."""

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        torch.manual_seed(42 + step.index)
        return super().train_step(batch, step)
