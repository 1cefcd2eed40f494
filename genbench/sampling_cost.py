"""What a sample costs: seconds of a single one, and floating-point operations."""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch

from genbench.environment import wait_for
from genbench.errors import NotApplicableError
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

    Raises:
        NotApplicableError: there are operations that torch cannot count, such as those of an LSTM.
    """
    # here: it imports much of torch that no run needs otherwise
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import FlopCounterMode

    class Watch(TorchDispatchMode):
        """Notes the operations of layers that are one call, of which nobody counts the inside."""

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            name = func.overloadpacket.__name__
            if any(part in name for part in UNCOUNTED):
                seen.append(name)
            return func(*args, **(kwargs or {}))

    seen: list[str] = []
    # Attention in inference is one call, too, unless it is asked to be its parts.
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with FlopCounterMode(display=False) as counter, Watch():  # type: ignore[no-untyped-call]
            model.sample(n, generator(seed, "latency", device))
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    if seen:
        raise NotApplicableError(f"torch counts no operations of {', '.join(dict.fromkeys(seen))}")
    return float(counter.get_total_flops()) / n


UNCOUNTED = ("lstm", "gru", "rnn", "fft", "_native_multi_head_attention", "_transformer_encoder")
"""Parts of the names of such operations."""
