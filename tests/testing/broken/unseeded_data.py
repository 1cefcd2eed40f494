from __future__ import annotations

import torch
from genbench_toys.squares import Squares

from genbench.contract import Examples, Splits


class UnseededData(Squares):
    """FAULT: the order of its training examples is drawn from whatever the global stream gives."""

    def load(self) -> Splits:
        train, validation, test = super().load()
        order = torch.randperm(len(train.x))
        assert train.y is not None
        return Splits(Examples(train.x[order], train.y[order]), validation, test)
