from __future__ import annotations

import torch
from genbench_toys.pixels import Pixels
from torch import Tensor


class HeadWithoutFingerprint(Pixels):
    """FAULT: its fingerprint is of its features alone, whatever the weights of its logits are."""

    def __init__(self) -> None:
        rng = torch.Generator().manual_seed(0)
        self.weight = torch.randn(2, generator=rng)

    def logits(self, features: Tensor) -> Tensor:
        return features[:, :2] * self.weight
