"""Tensors that would be on the wrong device, found on a machine that has no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from genbench.testing.devices import Homeless

MEETINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "torch.randn": lambda x: x + torch.randn(4, 3),
    "torch.zeros": lambda x: torch.cat([x, torch.zeros(1, 3)]),
    "torch.linspace": lambda x: x * torch.linspace(0, 1, 3).exp().view(1, 3),
    "torch.tensor": lambda x: torch.where(x > 0, x, torch.tensor([1.0, 2.0, 3.0])),
    "torch.eye": lambda x: x @ torch.eye(3),
    "torch.arange": lambda x: torch.nn.functional.linear(x, torch.arange(3.0)),
}

HARMLESS: dict[str, Callable[[Tensor], object]] = {
    "of its own device": lambda x: x + torch.randn(4, 3, device=x.device),
    "like another": lambda x: x + torch.randn_like(x) + x.new_ones(3),
    "moved in time": lambda x: x + torch.ones(4, 3).to(x.device) + torch.ones(3).to(x),
    "a number": lambda x: x * torch.tensor(2.0),
    "an index": lambda x: x[torch.arange(2)],
    "copied into": lambda x: x.clone().copy_(torch.ones(4, 3)),
    "by itself": lambda x: float(torch.ones(3).sum()) + torch.ones(3, 3).det().item(),
}


@pytest.mark.parametrize("maker", MEETINGS)
def test_a_tensor_that_is_made_without_a_device_and_meets_another_is_named(maker: str) -> None:
    x = torch.ones(4, 3)
    with Homeless() as homeless:
        MEETINGS[maker](x)
    [(where, (made_by, _))] = homeless.met.items()
    assert where.startswith("test_devices.py:")
    assert made_by == maker


@pytest.mark.parametrize("use", HARMLESS)
def test_what_does_no_harm_on_another_device_is_let_be(use: str) -> None:
    x = torch.ones(4, 3)
    with Homeless() as homeless:
        HARMLESS[use](x)
    assert homeless.met == {}
