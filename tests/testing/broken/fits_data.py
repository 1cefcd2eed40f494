from __future__ import annotations

from genbench_toys.autoencoder import Autoencoder
from torch import Generator

from genbench.contract import Split


class FitsData(Autoencoder):
    """FAULT: fit writes to a parameter that training trains, behind the back of torch's count."""

    def fit(self, train: Split, rng: Generator) -> None:
        self.decoder[2].bias.data.fill_(0.01)
