"""Convolutional stacks that fit any image from 8x8 to 64x64, dense layers, and what is refused.

A stack halves the sides of an image until none is longer than a floor. An even side is halved by a
kernel of 4, an odd one, of which such a kernel would lose a pixel, by a kernel of 3: 28, 14, 7, 4.
The mirror goes the same way back, by transposed convolutions. The sides are halved each for
itself, so any shape will do. There is no batch normalisation: decoders see codes of data and draws
from a prior, and the statistics of one would be wrong for the other.
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from genbench.contract import DataSpec

SMALLEST_SIDE = 8
LARGEST_SIDE = 64
"""Of an image, in pixels."""


def is_points(data: DataSpec) -> bool:
    """Whether examples are points (D,) with a number in them."""
    return data.kind == "points" and len(data.shape) == 1 and data.shape[0] > 0


def is_image(data: DataSpec, smallest: int = 1, largest: int | None = None) -> bool:
    """Whether examples are images (C, H, W) with both sides in a range."""
    if data.kind != "image" or len(data.shape) != 3 or data.shape[0] < 1:
        return False
    return all(smallest <= s and (largest is None or s <= largest) for s in data.shape[1:])


def check(model: str, data: DataSpec, *, points: bool = True) -> None:
    """See that convolutional stacks can take the data.

    Args:
        model: its name, for the message.
        data: what it is to take.
        points: whether the model has dense layers for points.

    Raises:
        ValueError: neither images with sides from 8 to 64 pixels nor, where they are taken, points.
    """
    if is_image(data, SMALLEST_SIDE, LARGEST_SIDE) or (points and is_points(data)):
        return
    also = " and points (D,)" if points else ""
    raise ValueError(
        f"{model} takes images (C, H, W) with sides from {SMALLEST_SIDE} to {LARGEST_SIDE} pixels"
        f"{also}; {data.name} has {data.kind} of shape {data.shape}"
    )


def dense(*units: int) -> list[nn.Module]:
    """Dense layers from the first number of units to the last, a ReLU after each."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(units):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return layers


def convolutions(
    data: DataSpec, channels: int, floor: int
) -> tuple[list[nn.Module], tuple[int, ...], list[nn.Module]]:
    """Layers that halve an image until no side is longer than ``floor``, and their mirror.

    There is a ReLU after each layer down and before each layer up, so that the last layer up is
    linear. Points, and images that are small enough, need no layer.

    Args:
        data: images or points.
        channels: at the lowest resolution; half as many, 8 at least, at each one above.
        floor: the longest side at the lowest resolution.

    Returns:
        Layers down, the shape between, layers up.
    """
    if data.kind == "points":
        return [], data.shape, []
    sides = [data.shape[1:]]
    while max(sides[-1]) > floor:
        sides.append(tuple(-(-side // 2) if side > floor else side for side in sides[-1]))
    stages = len(sides) - 1
    wide = [data.shape[0], *(max(8, channels >> (stages - i)) for i in range(1, stages + 1))]
    down: list[nn.Module] = []
    up: list[nn.Module] = []
    for (large, small), (here, below) in zip(pairwise(sides), pairwise(wide), strict=True):
        halved = [a != b for a, b in zip(large, small, strict=True)]
        kernel = [4 if h and a % 2 == 0 else 3 for h, a in zip(halved, large, strict=True)]
        stride = [2 if h else 1 for h in halved]
        of = (kernel[0], kernel[1]), (stride[0], stride[1]), (1, 1)
        down += [nn.Conv2d(here, below, *of), nn.ReLU()]
        up = [nn.ReLU(), nn.ConvTranspose2d(below, here, *of), *up]
    return down, (wide[-1], *sides[-1]), up
