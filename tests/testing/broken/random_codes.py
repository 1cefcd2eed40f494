from __future__ import annotations

import torch
from genbench_toys.autoencoder import Autoencoder
from torch import Tensor


class RandomCodes(Autoencoder):
    """FAULT: encode draws a code where it should give the mean."""

    def encode(self, x: Tensor) -> Tensor:
        code = self.encoder(x)
        return code + 0.1 * torch.randn_like(code)
