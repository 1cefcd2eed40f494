"""From the levels of a pixel to numbers that have a density.

A density has no value at a level: any model could be infinitely likely there. Level l of L becomes
2 (l + u) / L - 1 with u uniform on [0, 1) (Theis, van den Oord and Bethge, "A note on the
evaluation of generative models", 2016, section 3.1).
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def dequantised(x: Tensor, levels: int | None, rng: Generator) -> Tensor:
    """Examples as a model sees them, made continuous: float32 like x, in [-1, 1).

    Args:
        x: float32 (N, *shape); images in [-1, 1].
        levels: of a pixel; None: x is continuous, and is given back as it is.
        rng: on the CPU, so that the same noise is drawn whatever the device.
    """
    if levels is None:
        return x
    level = ((x + 1) / 2 * (levels - 1)).round()
    noise = torch.rand(x.shape, generator=rng).to(x.device)
    # In float32 a noise near 1 would be rounded to the next level, or to the end of the range.
    above = 2 * (level + 1) / levels - 1 - 2.0**-24
    return torch.minimum(2 * (level + noise) / levels - 1, above)
