"""Mixtures of round Gaussians in equal shares: the same points on every machine.

No library promises that its normal random numbers stay what they are, and the last digit of a
logarithm differs from one to the next. So

- bits come from SHAKE-256 (FIPS 202), a hash as long as one likes, of a text that names the split;
- two 64-bit words make a point (G. E. P. Box and M. E. Muller, "A Note on the Generation of Random
  Normal Deviates", 1958), in float64;
- numbers are rounded to multiples of 2^-20, far finer than any standard deviation here. What
  machines do differently is near 1e-15. It could only move a number that is as near as that to
  the middle between two multiples, and a test holds that at the default size none is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch

from genbench.contract import Examples, Splits

VALIDATION, TEST = 2_500, 2_500
"""Examples. As many as the samples that PacGAN and VEEGAN are measured by."""

GRID = 2.0**-20
"""What every number is a multiple of: exact in float32 up to 16."""


def mixture(name: str, centres: Sequence[Sequence[float]], std: float, size: int) -> Splits:
    """Draw the splits of a mixture, ``size`` training examples among them.

    Fewer training examples are the first ones of more, and the other splits are always the same.

    Args:
        name: of the data set: what bits are drawn from.
        centres: of the components, (K, 2).
        std: of every component, in each of the two directions.
        size: number of training examples.
    """
    return Splits(
        *(
            examples(f"{name}/{split}", centres, std, n)
            for split, n in (("train", size), ("validation", VALIDATION), ("test", TEST))
        )
    )


def examples(seed: str, centres: Sequence[Sequence[float]], std: float, n: int) -> Examples:
    """Draw ``n`` examples, each with the number of its component as label."""
    y = labels(seed, len(centres), n)
    x = np.rint(exact(seed, centres, std, y) / GRID) * GRID  # (n, 2)
    return Examples(torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y))


def labels(seed: str, components: int, n: int) -> np.ndarray:
    """Components in rounds, each round in a random order of its own: int64 (n,).

    Each has its share of any stretch but for rounding, and no step from one example to another
    meets the same few all the time.
    """
    rounds = -(-n // components)
    keys = words(f"{seed}/order", rounds * components).reshape(rounds, components)
    y: np.ndarray = keys.argsort(axis=1, kind="stable").reshape(-1)[:n].astype(np.int64)
    return y


def exact(seed: str, centres: Sequence[Sequence[float]], std: float, y: np.ndarray) -> np.ndarray:
    """The points of components ``y`` before they are rounded: float64 (n, 2)."""
    points: np.ndarray = np.asarray(centres, dtype=np.float64)[y] + std * normal_pairs(seed, len(y))
    return points


def normal_pairs(seed: str, n: int) -> np.ndarray:
    """Standard normal numbers, float64 (n, 2): r cos t and r sin t.

    With u and v uniform on (0, 1], in steps of 2^-53, r = (-2 log u)^(1/2) and t = 2 pi v.
    """
    uniform = ((words(seed, 2 * n) >> np.uint64(11)) + np.uint64(1)).astype(np.float64) * 2.0**-53
    u, v = uniform.reshape(n, 2).T
    radius, angle = np.sqrt(-2 * np.log(u)), 2 * np.pi * v  # (n,)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def words(seed: str, n: int) -> np.ndarray:
    """Random bits: uint64 (n,), the same first ones for every n."""
    return np.frombuffer(hashlib.shake_256(seed.encode()).digest(8 * n), dtype="<u8")
