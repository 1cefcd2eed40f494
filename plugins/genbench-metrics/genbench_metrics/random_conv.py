"""Features of a convolutional network that was never trained: for any image, without a download."""

from __future__ import annotations

import hashlib
import math
from itertools import pairwise
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from annotated_types import Ge
from torch import Tensor, nn

from genbench_metrics.fingerprint import fingerprint
from genbench_metrics.precision import whole_networks

VERSION = "random-conv 1: grey to RGB, bilinear to 32 with antialiasing, [-1, 1]"
"""Part of the fingerprint: changes with whatever maps images and weights to features."""

SIZE = 32
"""Of the images that the network sees, height and width."""

SMALLEST = 8
"""Height and width of an image, at least: a smaller one has nothing for a 3x3 filter to see."""

WIDTHS = (3, 32, 64, 128, 128)
"""Channels before and after each convolution."""

GRID = 2.0**-20
"""What normal numbers are rounded to multiples of: logarithms differ in the last digits between
machines, by about 1e-15."""

BLOCK = 100
"""Images at a time: small enough that activations stay in a processor's cache."""


class RandomConv:
    """Features (N, ``features``) of uint8 images (N, 1 or 3, H, W), H and W at least 8.

    What networks learned on photographs says little of data that is far from them; Naeem et al.
    ("Reliable fidelity and diversity metrics for generative models", 2020, section 4) take a
    randomly initialised network there, with 64 features. Theirs is VGG16; this one is small enough
    for a CPU: four 3x3 convolutions with ReLU, the last three of stride 2, on images resized to
    32x32, then one matrix to the features. Grey images are repeated to RGB.

    Weights are normal with variance 2 / fan-in (He et al., "Delving deep into rectifiers", 2015),
    1 / fan-in for the last, without biases. They are drawn from SHAKE-256 (FIPS 202) and so the
    same on every machine and with every version of torch.

    Args:
        features: how many there are.
        seed: of another network of that kind.
    """

    def __init__(
        self, *, features: Annotated[int, Ge(1)] = 64, seed: Annotated[int, Ge(0)] = 0
    ) -> None:
        self.features = features
        self.seed = seed
        layers: list[nn.Module] = []
        for number, (before, after) in enumerate(pairwise(WIDTHS)):
            stride = 1 if number == 0 else 2
            layers += [nn.Conv2d(before, after, 3, stride, padding=1, bias=False), nn.ReLU()]
        flat = WIDTHS[-1] * (SIZE // 8) ** 2
        layers += [nn.Flatten(), nn.Linear(flat, features, bias=False)]
        self._network = nn.Sequential(*layers).requires_grad_(False).eval()
        for name, weight in self._network.named_parameters():
            gain = 1.0 if weight.ndim == 2 else math.sqrt(2.0)
            drawn = normal(f"random-conv 1/{seed}/{name}", weight.numel()).reshape(weight.shape)
            weight.copy_(torch.from_numpy(drawn * (gain / math.sqrt(weight[0].numel()))))
        self._device = torch.device("cpu")

    @property
    def fingerprint(self) -> str:
        """Of the content of the weights."""
        return fingerprint(VERSION, self._network.state_dict())

    def to(self, device: torch.device) -> RandomConv:
        """Measure on ``device`` from now on."""
        self._device = torch.device(device)
        self._network.to(self._device)
        return self

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Features float32 (N, features) of uint8 (N, 1 or 3, H, W), on this extractor's device.

        Raises:
            ValueError: x is of another shape or dtype.
        """
        if (
            x.dtype != torch.uint8
            or x.ndim != 4
            or x.shape[1] not in (1, 3)
            or min(x.shape[2:]) < SMALLEST
        ):
            raise ValueError(
                f"random-conv takes uint8 images of shape (N, 1 or 3, H, W), H and W at least "
                f"{SMALLEST}, not {str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"
            )
        x = x.to(self._device)
        with whole_networks(self._device.type):
            # no images are one block, of none
            return torch.cat([self._network(resized(block)) for block in x.split(BLOCK)])


def resized(x: Tensor) -> Tensor:
    """uint8 (N, 1 or 3, H, W) as float32 (N, 3, 32, 32) in [-1, 1]."""
    x = x.float() / 127.5 - 1
    if x.shape[2:] != (SIZE, SIZE):
        x = F.interpolate(x, (SIZE, SIZE), mode="bilinear", antialias=True)
    return x.expand(-1, 3, -1, -1)


def normal(seed: str, n: int) -> np.ndarray:
    """Standard normal numbers, float64 (n,), always the same ones for a seed.

    With u and v uniform on (0, 1], (-2 log u)^(1/2) cos(2 pi v) and the same with the sine (Box and
    Muller, "A Note on the Generation of Random Normal Deviates", 1958).
    """
    pairs = -(-n // 2)
    words = np.frombuffer(hashlib.shake_256(seed.encode()).digest(16 * pairs), dtype="<u8")
    uniform = ((words >> np.uint64(11)) + np.uint64(1)).astype(np.float64) * 2.0**-53
    u, v = uniform.reshape(2, pairs)
    radius, angle = np.sqrt(-2 * np.log(u)), 2 * np.pi * v
    numbers = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:n]
    rounded: np.ndarray = np.rint(numbers / GRID) * GRID
    return rounded
