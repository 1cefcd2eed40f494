"""Grey 8x8 images of one bright square on a dark ground."""

from __future__ import annotations

import torch

from genbench.contract import Examples, Splits


class Squares:
    """The place of the square and the noise around it depend on nothing but ``seed``."""

    classes = 4
    levels = 256
    extractor = "toy-pixels"

    def __init__(self, *, size: int = 60, seed: int = 0) -> None:
        self.size = size
        self.seed = seed

    def load(self) -> Splits:
        """Return ``size`` training examples and half as many of the others."""
        rng = torch.Generator().manual_seed(self.seed)
        return Splits(*(draw(n, rng) for n in (self.size, self.size // 2, self.size // 2)))


def draw(n: int, rng: torch.Generator) -> Examples:
    """Images uint8 (n, 1, 8, 8); the label says which corner the square is nearest to."""
    x = torch.randint(0, 40, (n, 1, 8, 8), generator=rng, dtype=torch.uint8)
    tops, lefts = torch.randint(0, 5, (2, n), generator=rng)
    for image, top, left in zip(x, tops, lefts, strict=True):
        image[:, top : top + 4, left : left + 4] = 230
    return Examples(x, (tops > 1).long() * 2 + (lefts > 1).long())
