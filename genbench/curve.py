"""What was seen on the way to the end of a training, as metrics of the training read it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from genbench.contract import CurvePoint, History
from genbench.leaderboard.schema import Row
from genbench.protocol import Training
from genbench.train import READ_EVERY

MOST_LOSSES = 1000
"""Values of each loss that are remembered, however long the training; those at evaluation points
come on top."""


def is_kept(train_steps: int, training: Training) -> bool:
    """Whether losses that were read after so many train steps are remembered."""
    reads = training.images / training.batch_size / READ_EVERY
    return train_steps // READ_EVERY % max(1, math.ceil(reads / MOST_LOSSES)) == 0


def of_losses(losses: Mapping[str, float], images: int, seconds: float) -> Iterator[CurvePoint]:
    """The latest losses."""
    for name, value in losses.items():
        yield CurvePoint(images, seconds, None, name, "last", value)


def of_rows(rows: Iterable[Row], history: History) -> Iterator[CurvePoint]:
    """The scores of an evaluation on the way, those that have a value."""
    for row in rows:
        if row["value"] is not None:
            yield CurvePoint(
                history.images,
                history.train_seconds,
                row["metric"],
                row["score"],
                row["weights"],
                row["value"],
                row["key"],
            )
