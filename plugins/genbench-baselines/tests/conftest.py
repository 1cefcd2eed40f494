"""A small world for the baselines: a split in memory, and data with known moments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Generator, Tensor

from genbench.contract import Batch, DataSpec


@dataclass
class MemorySplit:
    """The contract's ``Split``, in its simplest form."""

    x: Tensor
    y: Tensor | None = None
    name: str = "train"

    def __len__(self) -> int:
        return len(self.x)

    def batches(self, n: int) -> Iterator[Batch]:
        for x in self.x.split(n):
            yield Batch(x.float() / 127.5 - 1 if x.dtype == torch.uint8 else x)


@pytest.fixture
def split() -> Callable[[Tensor], MemorySplit]:
    return MemorySplit


@pytest.fixture
def spec() -> Callable[[Tensor], DataSpec]:
    def spec(x: Tensor) -> DataSpec:
        image = x.dtype == torch.uint8
        return DataSpec(
            name="tiny",
            kind="image" if image else "points",
            shape=tuple(x.shape[1:]),
            size=len(x),
            levels=256 if image else None,
        )

    return spec


@pytest.fixture
def rng() -> Generator:
    return Generator().manual_seed(0)


@pytest.fixture
def images() -> Tensor:
    """2500 correlated grey images of 6 x 5, some of whose pixels never change."""
    g = Generator().manual_seed(1)
    mix = torch.randn(30, 30, generator=g) * torch.linspace(2, 0.1, 30)
    x = 127 + 20 * torch.randn(2500, 30, generator=g) @ mix.T / 4
    x[:, :3] = 7
    return x.round().clamp(0, 255).to(torch.uint8).unflatten(1, (1, 6, 5))


@pytest.fixture
def points() -> Tensor:
    """3000 points in 5 dimensions, far from the origin, of very different scales."""
    g = Generator().manual_seed(2)
    scale = torch.tensor([3.0, 1.0, 0.3, 0.1, 0.03])
    turn = torch.linalg.qr(torch.randn(5, 5, generator=g)).Q
    return 10 + (torch.randn(3000, 5, generator=g) * scale) @ turn
