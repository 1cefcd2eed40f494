"""A small world for the autoencoders: data specifications, blobs to learn, genbench's own steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from genbench.contract import Batch, DataSpec
from genbench.step import Stepper


@pytest.fixture(autouse=True)
def _alike_everywhere() -> Iterator[None]:
    # On a busy machine threads that wait for each other make small networks ten times slower.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def spec() -> Callable[..., DataSpec]:
    def spec(*shape: int, classes: int = 0) -> DataSpec:
        kind = "points" if len(shape) == 1 else "image"
        return DataSpec("tiny", kind, shape, size=256, classes=classes)  # type: ignore[arg-type]

    return spec


@pytest.fixture
def train() -> Callable[..., list[dict[str, float]]]:
    """Takes train steps on one batch and gives back the losses of each."""

    def train(model: Any, x: Tensor, steps: int, y: Tensor | None = None) -> list[dict[str, float]]:
        stepper = Stepper(model.optimizers(), budget=steps * len(x))
        history = []
        for _ in range(steps):
            losses: Mapping[str, Tensor] = model.train().train_step(Batch(x, y), stepper)
            assert stepper.charge(len(x)) == len(x), "one update for each player"
            history.append({name: loss.item() for name, loss in losses.items()})
        model.eval()
        return history

    return train


@pytest.fixture
def blobs() -> Tensor:
    """128 images (1, 8, 8) of a soft spot that is somewhere else in each."""
    centre = 2 + 3 * torch.rand(128, 2, 1, generator=torch.Generator().manual_seed(1))
    distance = (torch.arange(8.0) - centre).square()  # (N, 2, 8)
    return 2 * torch.exp(-(distance[:, 0, :, None] + distance[:, 1, None]) / 4)[:, None] - 1


class Held:
    """A split as `fit` sees it, of points or of what a model is to see as it is."""

    name = "train"
    y = None

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def batches(self, n: int) -> Iterator[Batch]:
        return (Batch(part) for part in self.x.split(n))


@pytest.fixture
def split() -> Callable[[Tensor], Held]:
    return Held
