from __future__ import annotations

from genbench_toys.autoencoder import Autoencoder
from torch import Generator

from genbench.contract import Split


class FitsParameter(Autoencoder):
    """FAULT: fit writes to parameters that training trains, and nothing puts them back."""

    def fit(self, train: Split, rng: Generator) -> None:
        self.decoder[2].bias.fill_(0.01)
