from __future__ import annotations

from genbench_toys.autoencoder import Autoencoder
from torch import Tensor


class Raises(Autoencoder):
    """FAULT: a capability that it claims to have raises."""

    def encode(self, x: Tensor) -> Tensor:
        raise NotImplementedError("to be done")
