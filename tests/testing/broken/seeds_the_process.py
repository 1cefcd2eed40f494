from __future__ import annotations

import torch
from genbench_toys.squares import Squares

from genbench.contract import Splits


class SeedsTheProcess(Squares):
    """FAULT: load seeds torch for everybody."""

    def load(self) -> Splits:
        torch.manual_seed(self.seed)
        return super().load()
