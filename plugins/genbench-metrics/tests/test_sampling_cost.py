from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from genbench import sampling_cost
from genbench.contract import Evidence, NotApplicable
from genbench_metrics.sampling_cost import SamplingCost


class Layers(nn.Module):
    """8 numbers of noise through a matrix and a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.conv = nn.Linear(8, 64), nn.Conv2d(1, 3, 3, padding=1)

    def sample(self, n: int, rng: torch.Generator) -> torch.Tensor:
        z = torch.randn(n, 8, generator=rng)
        return self.conv(self.dense(z).relu().view(n, 1, 8, 8))


def test_both_scores_are_given(evidence: Callable[..., Evidence]) -> None:
    given = evidence(sampling_flops=1024.0, sampling_latency_seconds=0.002)
    assert SamplingCost().measure(given) == {
        "flops_per_sample": 1024.0,
        "sampling_latency_seconds": 0.002,
    }


def test_operations_are_those_counted_by_hand(evidence: Callable[..., Evidence]) -> None:
    counted = sampling_cost.flops(Layers(), 5, 0, torch.device("cpu"))
    given = evidence(sampling_flops=counted, sampling_latency_seconds=0.002)
    dense, conv = 2 * 8 * 64, 2 * 9 * 3 * 64
    assert SamplingCost().measure(given)["flops_per_sample"] == dense + conv


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.LSTM(8, 16, batch_first=True)

    def sample(self, n: int, rng: torch.Generator) -> torch.Tensor:
        return self.layers(torch.randn(n, 5, 8, generator=rng))[0]


class Counting:
    """Evidence of what one model costs, counted."""

    sampling_latency_seconds = 0.002

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    @property
    def sampling_flops(self) -> float:
        return sampling_cost.flops(self.model, 3, 0, torch.device("cpu"))


def test_recurrent_layers_have_a_latency_and_no_count() -> None:
    given: Any = Counting(Recurrent().eval())
    measured = SamplingCost().measure(given)
    assert measured["sampling_latency_seconds"] == 0.002
    flops = measured["flops_per_sample"]
    assert isinstance(flops, NotApplicable)
    assert flops.reason.startswith("torch counts no operations of ")


def test_a_clock_that_did_not_tick_gives_no_latency(evidence: Callable[..., Evidence]) -> None:
    measured = SamplingCost().measure(evidence(sampling_flops=0.0))
    assert measured["flops_per_sample"] == 0
    assert measured["sampling_latency_seconds"] == NotApplicable(
        "a single sample was too quick for this clock"
    )


def test_operations_are_the_same_on_every_machine_and_latency_is_not() -> None:
    assert [score.hardware for score in SamplingCost.scores] == [False, True]
