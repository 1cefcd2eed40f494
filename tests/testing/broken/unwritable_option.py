from __future__ import annotations

from genbench_toys.autoencoder import Autoencoder
from torch import nn

from genbench.contract import DataSpec


class UnwritableOption(Autoencoder):
    """FAULT: the default of an option is an object, which no row can hold."""

    def __init__(self, data: DataSpec, *, activation=nn.SiLU()) -> None:  # noqa: B008
        super().__init__(data)
