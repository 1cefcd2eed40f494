from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from genbench.contract import DataSpec, Split


class GrowingFit(nn.Module):
    """FAULT: fit makes a buffer larger than the constructor made it."""

    examples: Tensor

    def __init__(self, data: DataSpec) -> None:
        super().__init__()
        self.register_buffer("examples", torch.zeros(0, *data.shape))

    def fit(self, train: Split, rng: Generator) -> None:
        self.examples = torch.cat([batch.x for batch in train.batches(7)])

    def sample(self, n: int, rng: Generator) -> Tensor:
        index = torch.randint(len(self.examples), (n,), generator=rng, device=rng.device)
        return self.examples[index]
