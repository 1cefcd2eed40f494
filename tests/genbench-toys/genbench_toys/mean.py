"""Knows the mean of the training examples and nothing else; trained by ``fit`` alone."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from genbench.contract import DataSpec, Split


class Mean(nn.Module):
    """Reconstructs everything as the mean; cannot sample."""

    def __init__(self, data: DataSpec) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(data.shape))

    def fit(self, train: Split, rng: Generator) -> None:
        total = sum(batch.x.sum(0) for batch in train.batches(7))
        self.mean.copy_(total / len(train))

    def reconstruct(self, x: Tensor) -> Tensor:
        return self.mean.expand_as(x).clone()
