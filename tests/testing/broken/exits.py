from __future__ import annotations

import os

from genbench_toys.mean import Mean
from torch import Generator, Tensor


class Exits(Mean):
    """FAULT: sample ends the process."""

    def sample(self, n: int, rng: Generator) -> Tensor:
        os._exit(3)
