"""From the levels of a pixel to numbers that have a density, and back.

A density fitted to images at rest could grow without bound on the few values that their pixels
take. Theis, van den Oord and Bethge, "A note on the evaluation of generative models", 2016, section
3.1: with uniform noise as wide as a level added, the log density is at most the log probability
that it gives the level itself. So level k of L becomes uniform on the k-th of L equal parts of
[-1, 1], and a draw from the density is an image of the levels in whose parts its numbers lie.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from genbench.contract import DataSpec, Split


def dequantised(train: Split, data: DataSpec, rng: Generator, batch_size: int = 1024) -> Tensor:
    """A split with noise in place of levels: float32 (N, dim). Continuous data stays as it is."""
    x = torch.cat([batch.x.flatten(1) for batch in train.batches(batch_size)])  # (N, dim)
    if data.levels is None:
        return x
    level = ((x + 1) / 2 * (data.levels - 1)).round()
    noise = torch.rand(x.shape, generator=rng, device=x.device)
    return 2 * (level + noise) / data.levels - 1


def quantised(x: Tensor, data: DataSpec) -> Tensor:
    """Like x (N, dim), each number the value of its level; beyond the ends, of the last one."""
    if data.levels is None:
        return x
    level = ((x + 1) / 2 * data.levels).floor().clamp(0, data.levels - 1)
    return 2 * level / (data.levels - 1) - 1
