"""``fit``: what it may set, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from genbench_toys.autoencoder import Autoencoder
from torch import nn

from genbench import evaluate
from genbench.errors import ContractError
from genbench.testing.worlds import SHAPES, made_up

[WORLD] = made_up([SHAPES[0]])


class WithFit(Autoencoder):
    """Fits by what a test gives it."""

    found: torch.Tensor

    def __init__(self, write: Any) -> None:
        super().__init__(WORLD.spec)
        self.register_buffer("found", torch.zeros(()))
        self.write = write

    def fit(self, train: Any, rng: Any) -> None:
        self.write(self)


def into_a_new_tensor(model: Any) -> None:
    model.decoder[2].bias.data = torch.ones(64)


def in_place(model: Any) -> None:
    model.decoder[2].bias.add_(1)


def by_another_parameter(model: Any) -> None:
    model.decoder[2].bias = nn.Parameter(torch.ones(64))


@pytest.mark.parametrize("write", [in_place, into_a_new_tensor, by_another_parameter])
def test_a_parameter_that_train_steps_train_is_not_for_fit_to_write_to(write: Any) -> None:
    with pytest.raises(ContractError, match=r"fit\(\) wrote to the parameter 'decoder\.2\.bias'"):
        evaluate.fit(WithFit(write), WORLD.loaded, 0)


def test_fit_may_read_all_parameters_and_write_to_buffers() -> None:
    def write(model: Any) -> None:
        model.found.copy_(model.decode(torch.zeros(1, 2)).mean())

    model: Any = WithFit(write)
    model.decode = model.decoder.forward
    evaluate.fit(model, WORLD.loaded, 0)
    assert float(model.found) != 0


def test_a_model_that_is_trained_by_fit_alone_may_have_it_set_parameters() -> None:
    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mean = nn.Parameter(torch.zeros(WORLD.spec.shape))

        def fit(self, train: Any, rng: Any) -> None:
            self.mean.copy_(next(train.batches(8)).x.mean(0))

    model = Mean()
    evaluate.fit(model, WORLD.loaded, 0)
    assert bool(model.mean.any())
