from __future__ import annotations

from genbench_toys.autoencoder import Autoencoder
from torch import nn

from genbench.contract import DataSpec


class NoGradient(Autoencoder):
    """FAULT: a layer that its optimizer is given is not used by any loss."""

    def __init__(self, data: DataSpec) -> None:
        super().__init__(data)
        self.unused = nn.Linear(2, 2)
