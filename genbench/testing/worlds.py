"""Small made-up data of the shapes that a model may meet, and the protocol it is trained under."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
from torch import Tensor

from genbench import data, registry
from genbench.contract import DataSpec, Examples, Splits
from genbench.data import DeviceSplit, LoadedData
from genbench.errors import UsageError
from genbench.plan import PluginSpec
from genbench.protocol import Protocol

SHAPES: tuple[tuple[int, ...], ...] = ((1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64), (2,))
"""From the smallest to the largest image, and points of the plane."""

CLASSES = 10
SIZES = {"train": 64, "validation": 16, "test": 32}
BATCH_SIZE = 16

PROTOCOL = Protocol.model_validate(
    {
        "name": "check",
        "dataset": "made-up",
        "metrics": [],
        "training": {
            "images": 12 * BATCH_SIZE,
            "batch_size": BATCH_SIZE,
            "average_half_life_images": 4 * BATCH_SIZE,
        },
        "evaluation": {"points": [1.0], "samples": 4, "curve_samples": 4, "sampling_chunk": 4},
    }
)
"""Twelve train steps from the start of a budget to its end: progress goes from 0 to 1."""


@dataclass(frozen=True)
class World:
    """One set of data that a model is checked on."""

    loaded: LoadedData

    @property
    def spec(self) -> DataSpec:
        """What a model is told of it."""
        return self.loaded.spec

    @property
    def title(self) -> str:
        """As messages name it."""
        return f"{self.size} {'labelled' if self.spec.classes else 'unlabelled'}"

    @property
    def size(self) -> str:
        """Kind and shape in a word or two."""
        shown = "x".join(map(str, self.spec.shape))
        return shown if self.spec.kind == "image" else f"points of {shown}"


def of(text: str) -> list[World]:
    """The world that a text asks for: a shape, or a data set by name or ``FILE.py:CLASS``.

    Raises:
        UsageError: neither.
    """
    if re.fullmatch(r"\d+(x\d+)*", text):
        shape = tuple(int(side) for side in text.split("x"))
        if len(shape) not in (1, 3) or 0 in shape:
            raise UsageError(
                f"{text!r} is no shape: images are CxHxW, points are D, as in 3x32x32."
            )
        return made_up([shape])
    spec = PluginSpec.of(registry.find("dataset", text), {})
    return [World(data.load(spec.name, spec.make(), torch.device("cpu")))]


def made_up(shapes: list[tuple[int, ...]], *, classes: int = CLASSES) -> list[World]:
    """A world for each shape: the same content every time."""
    return [_made_up(shape, classes) for shape in shapes]


def unlabelled(world: World) -> World:
    """A made-up world without its labels."""
    return _made_up(world.spec.shape, 0)


def labelled(world: World) -> World:
    """A made-up world with labels."""
    return _made_up(world.spec.shape, CLASSES)


def _made_up(shape: tuple[int, ...], classes: int) -> World:
    split = splits(shape, classes)
    image = len(shape) == 3
    spec = DataSpec(
        name="made-up",
        kind="image" if image else "points",
        shape=shape,
        size=SIZES["train"],
        classes=classes,
        levels=256 if image else None,
    )
    device = torch.device("cpu")
    train, validation, test = (
        DeviceSplit(name, part, device) for name, part in zip(SIZES, split, strict=True)
    )
    return World(LoadedData(spec, "made-up", train, validation, test))


def splits(shape: tuple[int, ...], classes: int = CLASSES, n: int = 1, *, draw: int = 0) -> Splits:
    """Made-up splits, ``n`` times the usual size: the same every time, others for other draws."""
    rng = torch.Generator().manual_seed(len(shape) + 10 * draw)
    make = blobs if len(shape) == 3 else points
    found = []
    for size in SIZES.values():
        y = torch.arange(size * n) % CLASSES
        found.append(Examples(make(y, shape, rng), y if classes else None))
    return Splits(*found)


def blobs(y: Tensor, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """uint8 (N, C, H, W): a soft bright spot on dark, noisy ground; its place is by label."""
    angle = y * (2 * torch.pi / CLASSES) + 0.3 * torch.randn(len(y), generator=rng)
    colour = 0.5 + 0.5 * torch.rand(len(y), shape[0], 1, 1, generator=rng)
    ground = 0.2 * torch.rand(len(y), *shape, generator=rng)
    return (ground + 0.8 * colour * spots(angle, shape)[:, None]).mul(255).to(torch.uint8)


def spots(angle: Tensor, shape: tuple[int, ...]) -> Tensor:
    """float32 (N, H, W) from 0 to 1: soft spots, each on a circle at one of ``angle`` (N,)."""
    _, height, width = shape
    across = (torch.arange(width) + 0.5) / width - 0.5 - 0.25 * angle.cos()[:, None]  # (N, W)
    down = (torch.arange(height) + 0.5) / height - 0.5 - 0.25 * angle.sin()[:, None]  # (N, H)
    return torch.exp(-30 * (down.square()[:, :, None] + across.square()[:, None]))


def points(y: Tensor, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """float32 (N, D): a cluster for each label, on a circle in the first two dimensions."""
    x = 0.1 * torch.randn(len(y), *shape, generator=rng)
    angle = y * (2 * torch.pi / CLASSES)
    for dimension, wave in enumerate((angle.cos(), angle.sin())[: shape[0]]):
        x[:, dimension] += wave
    return x
