"""Every model trains in both precisions that a protocol may ask for."""

from __future__ import annotations

import pytest
import torch

from genbench import contract, registry
from genbench.contract import Batch, DataSpec
from genbench.step import Stepper

TAKE_POINTS_ALONE = ("pacgan-2d",)
TRAINED = [
    name
    for name, (plugin, *_) in registry.catalogue("model").items()
    if contract.has(registry.load(plugin), "train_step") and plugin.distribution != "genbench-toys"
]


@pytest.mark.parametrize("name", TRAINED)
def test_it_trains_in_bfloat16(name: str) -> None:
    torch.manual_seed(0)
    shape = (2,) if name in TAKE_POINTS_ALONE else (1, 8, 8)
    kind = "points" if len(shape) == 1 else "image"
    spec = DataSpec("tiny", kind, shape, size=64, classes=3)  # type: ignore[arg-type]
    model = registry.load(registry.find("model", name))(spec)
    x, y = torch.rand(16, *shape) * 2 - 1, torch.randint(3, (16,))
    step = Stepper(model.optimizers(), budget=64)
    with torch.autocast("cpu", torch.bfloat16):
        for _ in range(4):
            losses = model.train().train_step(Batch(x, y), step)
            step.charge(16)
    assert all(torch.isfinite(loss) for loss in losses.values())
    for name, value in model.state_dict().items():
        assert value.dtype != torch.bfloat16, name
        assert torch.isfinite(value).all(), name
