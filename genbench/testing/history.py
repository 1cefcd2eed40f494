"""What a made-up training took."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from genbench.contract import CurvePoint, History, Weights


def _curve() -> Iterator[CurvePoint]:
    """That of a training of ten seconds: a loss that falls, and scores twice on the way."""
    for i in range(20):
        yield CurvePoint(100 * (i + 1), 0.5 * (i + 1), None, "loss", "last", 1 / (1 + i))
        if i in (9, 19):
            weights: Weights
            for weights in get_args(Weights):
                yield CurvePoint(
                    100 * (i + 1), 0.5 * (i + 1), "made-up", "distance", weights, 5 / (1 + i)
                )


HISTORY = History(
    images=2000,
    train_steps=100,
    train_seconds=10.0,
    parameters=1000,
    peak_memory_bytes=10**8,
    curve=tuple(_curve()),
)
"""Of a made-up training."""
