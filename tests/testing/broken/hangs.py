from __future__ import annotations

import time

from genbench_toys.mean import Mean
from torch import Tensor


class Hangs(Mean):
    """FAULT: reconstruct never comes back."""

    def reconstruct(self, x: Tensor) -> Tensor:
        while True:
            time.sleep(0.1)
