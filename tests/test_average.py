"""The moving average of the weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from genbench.average import MovingAverage


def parameter(value: float = 0.0) -> nn.Parameter:
    return nn.Parameter(torch.tensor([value]))


def test_after_one_half_life_the_old_weights_count_half() -> None:
    weight = parameter(0.0)
    average = MovingAverage({"all": [weight]}, half_life_images=100)
    # Far into the run the limit of 5% of the images seen does not bind.
    average.update(["all"], 10_000, 10_000)
    weight.data.fill_(1.0)
    average.update(["all"], 10_100, 100)
    with average.swapped_in():
        assert weight.item() == pytest.approx(0.5, abs=1e-3)
    assert weight.item() == 1.0


def test_the_half_life_is_at_most_a_twentieth_of_the_images_seen() -> None:
    weight = parameter(1.0)
    average = MovingAverage({"all": [weight]}, half_life_images=1e9)
    weight.data.fill_(2.0)
    average.update(["all"], 100, 100)  # the half-life is 5 images: 20 half-lives have passed
    with average.swapped_in():
        assert weight.item() == pytest.approx(2 - 2**-20, abs=1e-6)


def test_the_average_of_a_network_starts_at_its_own_first_step() -> None:
    early, late = parameter(), parameter()
    average = MovingAverage({"early": [early], "late": [late]}, half_life_images=1e9)
    for step in range(100):
        average.update(["early"], 100 * (step + 1), 100)
    late.data.fill_(1.0)
    average.update(["late"], 10_100, 100)
    with average.swapped_in():
        assert late.item() == pytest.approx(1.0, abs=1e-5)


def test_swapping_copies_nothing_and_keeps_the_parameters_that_optimizers_know() -> None:
    weight = parameter(3.0)
    optimizer = torch.optim.Adam([weight], fused=True)
    place = weight.data_ptr()
    average = MovingAverage({"all": [weight]}, 100)
    with average.swapped_in():
        assert weight.data_ptr() != place
    assert weight.data_ptr() == place
    assert optimizer.param_groups[0]["params"][0] is weight


def test_the_weights_come_back_when_an_evaluation_raises() -> None:
    weight = parameter(0.0)
    average = MovingAverage({"all": [weight]}, 100)
    weight.data.fill_(1.0)
    with pytest.raises(RuntimeError, match="no"), average.swapped_in():
        raise RuntimeError("no")
    assert weight.item() == 1.0


def test_a_parameter_of_two_optimizers_is_averaged_once() -> None:
    shared = parameter(0.0)
    average = MovingAverage({"a": [shared], "b": [shared, shared]}, half_life_images=100)
    average.update(["a", "b"], 10_000, 10_000)
    shared.data.fill_(1.0)
    average.update(["a", "b"], 10_100, 100)
    with average.swapped_in():
        assert shared.item() == pytest.approx(0.5, abs=1e-3)
    assert shared.item() == 1.0


def test_a_shared_parameter_follows_whichever_optimizer_steps() -> None:
    shared = parameter(0.0)
    average = MovingAverage({"a": [shared], "b": [shared]}, half_life_images=100)
    shared.data.fill_(1.0)
    average.update(["b"], 100, 100)
    with average.swapped_in():
        assert shared.item() == pytest.approx(1.0, abs=1e-5)


def test_a_parameter_that_two_optimizers_move_in_turns_keeps_the_half_life() -> None:
    shared, own = parameter(0.0), parameter(0.0)
    average = MovingAverage({"a": [shared, own], "b": [shared]}, half_life_images=100)
    average.update(["a", "b"], 100_000, 100_000)
    shared.data.fill_(1.0)
    for step in range(1, 11):
        average.update(["a"] if step % 2 else ["b"], 100_000 + 10 * step, 10)
    with average.swapped_in():  # one half-life later
        assert shared.item() == pytest.approx(0.5, abs=1e-5)


def test_an_optimizer_that_steps_now_and_then_forgets_as_fast_as_one_that_always_does() -> None:
    often, seldom = parameter(), parameter()
    average = MovingAverage({"often": [often], "seldom": [seldom]}, half_life_images=1000)
    average.update(["often", "seldom"], 100_000, 100_000)
    often.data.fill_(1.0)
    seldom.data.fill_(1.0)
    for step in range(1, 21):
        stepped = ["often", "seldom"] if step % 5 == 0 else ["often"]
        average.update(stepped, 100_000 + 100 * step, 100)
    with average.swapped_in():  # two half-lives later
        assert often.item() == pytest.approx(0.75, abs=1e-5)
        assert seldom.item() == pytest.approx(0.75, abs=1e-5)
