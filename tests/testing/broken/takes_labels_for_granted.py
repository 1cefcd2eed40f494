from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.autoencoder import Autoencoder
from torch import Tensor

from genbench.contract import Batch, Step


class TakesLabelsForGranted(Autoencoder):
    """FAULT: it takes unlabelled data in its constructor and reads labels in train_step."""

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        assert batch.y.min() >= 0  # type: ignore[union-attr]
        return super().train_step(batch, step)
