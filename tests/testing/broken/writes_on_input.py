from __future__ import annotations

from genbench_toys.autoencoder import Autoencoder
from torch import Tensor


class WritesOnInput(Autoencoder):
    """FAULT: reconstruct scales its x in place."""

    def reconstruct(self, x: Tensor) -> Tensor:
        return super().reconstruct(x.mul_(0.5))
