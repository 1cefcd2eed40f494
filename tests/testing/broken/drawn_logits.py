from __future__ import annotations

import torch
from genbench_toys.pixels import Pixels
from torch import Tensor


class DrawnLogits(Pixels):
    """FAULT: it adds noise to its class scores."""

    def logits(self, features: Tensor) -> Tensor:
        return features[:, :2] + torch.randn(2)
