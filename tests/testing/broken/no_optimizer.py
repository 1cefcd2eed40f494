from __future__ import annotations

from collections.abc import Mapping

from genbench_toys.autoencoder import Autoencoder
from torch.optim import Adam, Optimizer


class NoOptimizer(Autoencoder):
    """FAULT: no optimizer has the encoder."""

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {"autoencoder": Adam(self.decoder.parameters(), lr=self.lr)}
