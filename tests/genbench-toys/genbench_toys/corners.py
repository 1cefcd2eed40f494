"""The manifold of squares: where an image of one is, but for the noise around it."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from genbench_toys.squares import Squares, draw

PLACES = 5
"""Along each side, from which a square of 4x4 pixels may begin."""

GROUND = 19.5
"""The mean of the noise around a square."""


class Places:
    """The 25 images of a square on even ground, one for each place."""

    bins = PLACES**2
    tolerance = 0.06
    """Root mean square over pixels from 0 to 1: noise around a square is about 0.04."""

    def locate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Distances float64 (N,) and bins int64 (N,) of images uint8 (N, 1, 8, 8)."""
        distances = torch.cdist(x.double().flatten(1), self.templates()) / (255 * 8)
        nearest = distances.min(1)
        return nearest.values, nearest.indices

    def draw(self, n: int, rng: Generator) -> Tensor:
        """Images uint8 (n, 1, 8, 8)."""
        return draw(n, rng).x

    def templates(self) -> Tensor:
        """float64 (25, 64)."""
        images = torch.full((PLACES, PLACES, 8, 8), GROUND, dtype=torch.float64)
        for top in range(PLACES):
            for left in range(PLACES):
                images[top, left, top : top + 4, left : left + 4] = 230
        return images.flatten(2).flatten(0, 1)


class SquaresOnManifold(Squares):
    """Squares whose manifold is known."""

    manifold = Places()
