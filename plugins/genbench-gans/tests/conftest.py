"""A small world for the GANs: data specifications, blobs to learn, genbench's own steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

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
        kind: Literal["image", "points"] = "points" if len(shape) == 1 else "image"
        return DataSpec(name="tiny", kind=kind, shape=shape, size=256, classes=classes)

    return spec


class Watched(Stepper):
    """Remembers which optimizers stepped, call by call."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.calls: list[set[str]] = []

    def __call__(self, *unnamed: object, **losses: Tensor) -> None:
        self.calls.append(set(losses))
        super().__call__(*unnamed, **losses)


@pytest.fixture
def train() -> Callable[..., Watched]:
    """Takes train steps on one batch and gives back the stepper, which has seen them."""

    def train(model: Any, x: Tensor, steps: int, y: Tensor | None = None) -> Watched:
        stepper = Watched(model.optimizers(), steps * len(x))
        for _ in range(steps):
            losses = model.train().train_step(Batch(x, y), stepper)
            assert all(bool(loss.isfinite()) for loss in losses.values())
            assert stepper.charge(len(x)) == len(x), "no network moves twice in a train step"
        model.eval()
        return stepper

    return train


@pytest.fixture
def blobs() -> Tensor:
    """128 images (1, 8, 8) of a soft spot that is somewhere else in each."""
    centre = 2 + 3 * torch.rand(128, 2, 1, generator=torch.Generator().manual_seed(1))
    distance = (torch.arange(8.0) - centre).square()  # (N, 2, 8)
    return 2 * torch.exp(-(distance[:, 0, :, None] + distance[:, 1, None]) / 4)[:, None] - 1
