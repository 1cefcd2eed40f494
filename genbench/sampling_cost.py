"""What a sample costs: seconds of a single one, and floating-point operations."""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch

from genbench.environment import wait_for
from genbench.streams import generator

CALLS = 11
"""Whose median is the latency, after one that warms up."""


def latency_seconds(model: Any, seed: int, device: torch.device) -> float:
    """Of ``sample(1, rng)``: the median of several calls."""
    rng = generator(seed, "latency", device)
    seconds = []
    for _ in range(CALLS + 1):
        wait_for(device)
        started = time.perf_counter()
        model.sample(1, rng)
        wait_for(device)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


def flops(model: Any, n: int, seed: int, device: torch.device) -> float:
    """Of one sample among ``n``: matrix products, convolutions and attention, as torch counts.

    A multiplication and an addition are two. What else there is, such as activations, is left out.
    """
    # here: it imports much of torch that no run needs otherwise
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model.sample(n, generator(seed, "latency", device))
    return float(counter.get_total_flops()) / n
