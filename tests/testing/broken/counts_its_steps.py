from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from genbench_toys.autoencoder import Autoencoder
from torch.nn import Parameter
from torch.optim import SGD, Optimizer


class Decaying(SGD):
    def __init__(self, parameters: Iterable[Parameter]) -> None:
        super().__init__(parameters, 1e-2)
        self.steps = 0

    def step(self, closure: Any = None) -> Any:
        self.steps += 1
        for group in self.param_groups:
            group["lr"] = 1e-2 / self.steps
        return super().step(closure)


class CountsItsSteps(Autoencoder):
    """FAULT: its optimizer counts in an attribute, which is not in its state_dict()."""

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {"autoencoder": Decaying(self.parameters())}
