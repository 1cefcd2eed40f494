from __future__ import annotations

import warnings

from genbench_toys.autoencoder import Autoencoder
from torch import Tensor


class Quiet(Autoencoder):
    """FAULT: silences the warnings of the whole process."""

    def reconstruct(self, x: Tensor) -> Tensor:
        warnings.filterwarnings("ignore", category=UserWarning, module="quiet")
        return super().reconstruct(x)
