"""A small world for the hybrids: data specifications, blobs to learn, genbench's own steps."""

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
def gradients() -> Callable[..., dict[str, dict[str, Tensor]]]:
    """Runs one train step that moves nothing, and gives what each optimizer was to be moved by.

    By the optimizer's name and the parameter's; a parameter that a loss does not depend on is left
    out.
    """

    def gradients(model: Any, batch: Batch, progress: float = 0.0) -> dict[str, dict[str, Tensor]]:
        owned = Stepper(model.optimizers(), budget=1).parameters
        names = {id(p): name for name, p in model.named_parameters()}
        found: dict[str, dict[str, Tensor]] = {}

        class Look:
            index = 0

            def __call__(self, **losses: Tensor) -> None:
                for player, loss in losses.items():
                    taken = torch.autograd.grad(
                        loss, owned[player], retain_graph=True, allow_unused=True
                    )
                    found[player] = {
                        names[id(p)]: g
                        for p, g in zip(owned[player], taken, strict=True)
                        if g is not None
                    }

        look = Look()
        look.progress = progress  # type: ignore[attr-defined]
        model.train().train_step(batch, look)
        return found

    return gradients


@pytest.fixture
def blobs() -> Tensor:
    """128 images (1, 8, 8) of a soft spot that is somewhere else in each."""
    centre = 2 + 3 * torch.rand(128, 2, 1, generator=torch.Generator().manual_seed(1))
    distance = (torch.arange(8.0) - centre).square()  # (N, 2, 8)
    return 2 * torch.exp(-(distance[:, 0, :, None] + distance[:, 1, None]) / 4)[:, None] - 1
