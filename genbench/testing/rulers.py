"""What measures made-up data: features, a classifier, and the manifold that the data lies on."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Literal

import torch
from torch import Generator, Tensor

from genbench.data import to_model
from genbench.testing import worlds

FEATURES = 8

GRID = 2**12
"""Features are multiples of 1 / GRID, so that `ROTATION` maps them without any rounding."""

_HADAMARD = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2

ROTATION = torch.block_diag(_HADAMARD, _HADAMARD)[:, [3, 5, 0, 6, 1, 7, 2, 4]]
"""An orthogonal map of features, float32 (D, D)."""


def features(x: Tensor) -> Tensor:
    """float32 (N, D) of examples at rest: a fixed random layer, of any kind of data."""
    flat = to_model(x).flatten(1).double()
    rng = torch.Generator().manual_seed(0)
    weight = torch.randn(flat.shape[1], FEATURES, generator=rng, dtype=torch.float64)
    found = (flat @ weight / flat.shape[1] ** 0.5).tanh()
    given: Tensor = ((found * GRID).round() / GRID).float()
    return given


def classifier(train: Tensor, labels: Tensor) -> Tensor:
    """The mean features (classes, D) of each class of a training split: what `logits` takes."""
    given = features(train)
    return torch.stack([given[labels == k].mean(0) for k in range(worlds.CLASSES)])


def logits(x: Tensor, centres: Tensor) -> Tensor:
    """float32 (N, classes) of examples at rest: the nearer a class's mean, the higher its score.

    Those of normal classes of equal covariance, the variance of a feature being 0.01.
    """
    return -(features(x)[:, None] - centres).square().sum(2) / (2 * 0.01)


class Circle:
    """The unit circle, around which made-up points lie in their first two dimensions."""

    bins = 64
    tolerance = 0.5

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def locate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Distances float64 (N,) from the circle, and int64 (N,), by angle."""
        x = x.cpu().double()
        distance = torch.hypot(x[:, :2].norm(dim=1) - 1, x[:, 2:].norm(dim=1))
        return distance, _of_angle(torch.atan2(x[:, 1], x[:, 0]), self.bins)

    def draw(self, n: int, rng: Generator) -> Tensor:
        """New points float32 (n, D)."""
        y = torch.randint(worlds.CLASSES, (n,), generator=rng)
        return worlds.points(y, self.shape, rng)


class Spots:
    """The images of a single soft spot, by its place and its brightness, on even ground.

    Args:
        shape: (C, H, W); of several channels the mean is located.
    """

    bins = 64
    tolerance = 0.08
    """Root mean square over pixels from 0 to 1: made-up ground is noise of 0.058."""

    PLACES = 64
    BRIGHTNESS = 8

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    @cached_property
    def templates(self) -> Tensor:
        """float64 (places * brightness, H * W)."""
        angle = (torch.arange(self.PLACES) + 0.5) / self.PLACES * 2 * math.pi
        spots = worlds.spots(angle, self.shape).double().flatten(1)  # (places, H * W)
        brightness = 0.5 + (torch.arange(self.BRIGHTNESS) + 0.5) / self.BRIGHTNESS / 2
        found: Tensor = 0.1 + 0.8 * brightness[:, None] * spots[:, None]
        return found.flatten(0, 1)

    def locate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Distances float64 (N,) from the nearest such image, and int64 (N,), by place."""
        pixels = x.cpu().double().div(255).mean(1).flatten(1)  # (N, H * W)
        nearest = torch.cdist(pixels, self.templates).min(1)
        place = nearest.indices // self.BRIGHTNESS
        return nearest.values / pixels.shape[1] ** 0.5, place * self.bins // self.PLACES

    def draw(self, n: int, rng: Generator) -> Tensor:
        """New images uint8 (n, C, H, W)."""
        y = torch.randint(worlds.CLASSES, (n,), generator=rng)
        return worlds.blobs(y, self.shape, rng)


def manifold(kind: Literal["image", "points"], shape: tuple[int, ...]) -> Circle | Spots:
    """That of made-up data."""
    return Spots(shape) if kind == "image" else Circle(shape)


def _of_angle(angle: Tensor, bins: int) -> Tensor:
    share = angle / (2 * math.pi) % 1
    return (share * bins).long().clamp(max=bins - 1)
