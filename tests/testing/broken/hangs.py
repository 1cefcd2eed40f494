from __future__ import annotations

import time

from genbench_toys.autoencoder import Autoencoder
from torch import Tensor


class Hangs(Autoencoder):
    """FAULT: encode never comes back."""

    def encode(self, x: Tensor) -> Tensor:
        while True:
            time.sleep(0.1)
