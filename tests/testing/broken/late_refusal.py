from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.autoencoder import Autoencoder
from torch import Tensor

from genbench.contract import Batch, Step


class LateRefusal(Autoencoder):
    """FAULT: that it takes grey images only is said in train_step, not in the constructor."""

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        if batch.x.ndim == 4 and batch.x.shape[1] != 1:
            raise ValueError(f"grey images only, not {tuple(batch.x.shape)}")
        return super().train_step(batch, step)
