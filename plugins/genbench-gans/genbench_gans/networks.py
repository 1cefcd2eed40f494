"""Convolutional stacks that fit any image from 8x8 to 64x64, and dense ones for points.

After Radford et al., "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks" (DCGAN), 2016, section 3 and figure 1: strided convolutions in place of
pooling, batch normalisation in all layers but the generator's last and the discriminator's first,
ReLU in the generator with tanh at its end, LeakyReLU of slope 0.2 in the discriminator.

They halve sides until none is longer than 4. An even side is halved by a kernel of 4, as in the
paper; an odd one, which a kernel of 4 would cost a pixel, by a kernel of 3: 28, 14, 7, 4. The
generator goes the same way back. The sides are halved each for itself, so any shape will do. An
image of 8x8 goes on to 2x2: one convolution is no discriminator.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.utils import parametrize

from genbench.contract import DataSpec

SMALLEST_SIDE = 4
LARGEST_SIDE = 64

Wrap = Callable[[nn.Module], nn.Module]
"""What a layer with weights is put into, as by spectral normalisation."""


def _as_it_is(layer: nn.Module) -> nn.Module:
    return layer


def check(model: str, data: DataSpec) -> None:
    """See that these stacks can take the data.

    Raises:
        ValueError: neither images with sides from 8 to 64 pixels nor points.
    """
    points = data.kind == "points" and len(data.shape) == 1 and data.shape[0] > 0
    image = data.kind == "image" and len(data.shape) == 3 and data.shape[0] > 0
    if not (points or (image and all(8 <= side <= LARGEST_SIDE for side in data.shape[1:]))):
        raise ValueError(
            f"{model} takes images (C, H, W) with sides from 8 to {LARGEST_SIDE} pixels and points "
            f"(D,); {data.name} has {data.kind} of shape {data.shape}"
        )


def sizes(data: DataSpec) -> list[tuple[int, int]]:
    """Height and width of an image at every stage, from the image down: halved, rounded up."""
    height, width = data.shape[1:]
    smallest = SMALLEST_SIDE if max(height, width) > 2 * SMALLEST_SIDE else SMALLEST_SIDE // 2
    found = [(height, width)]
    while max(found[-1]) > smallest:
        height, width = (-(-side // 2) if side > smallest else side for side in found[-1])
        found.append((height, width))
    return found


def channels(data: DataSpec, width: int) -> list[int]:
    """At every stage, from the image down: ``width`` at the lowest, half as many at each above."""
    stages = len(sizes(data)) - 1
    return [data.shape[0], *(max(8, width >> (stages - 1 - stage)) for stage in range(stages))]


def _kernels(
    large: tuple[int, int], small: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Kernel and stride of the convolution between two sizes, and of the transposed one."""
    halved = [a != b for a, b in zip(large, small, strict=True)]
    kernel = [4 if h and a % 2 == 0 else 3 for h, a in zip(halved, large, strict=True)]
    stride = [2 if h else 1 for h in halved]
    return (kernel[0], kernel[1]), (stride[0], stride[1])


def trunk(
    data: DataSpec, width: int, *, norm: bool = True, wrap: Wrap = _as_it_is
) -> tuple[nn.Sequential, int]:
    """The discriminator without its last layer: x (N, *shape) to features (N, F).

    Args:
        data: images, or points, which two dense layers of ``width`` take.
        width: channels at the lowest resolution.
        norm: whether there is batch normalisation.
        wrap: what each layer with weights is put into.

    Returns:
        The network and F.
    """
    layers: list[nn.Module] = []
    if data.kind == "points":
        for inputs in (math.prod(data.shape), width):
            layers += [wrap(nn.Linear(inputs, width)), nn.LeakyReLU(0.2)]
        return nn.Sequential(*layers), width
    at, wide = sizes(data), channels(data, width)
    for stage, ((large, small), (here, below)) in enumerate(
        zip(pairwise(at), pairwise(wide), strict=True)
    ):
        normed = norm and stage > 0
        convolution = nn.Conv2d(here, below, *_kernels(large, small), padding=1, bias=not normed)
        layers += [wrap(convolution), *([nn.BatchNorm2d(below)] if normed else [])]
        layers.append(nn.LeakyReLU(0.2))
    return nn.Sequential(*layers, nn.Flatten()), wide[-1] * math.prod(at[-1])


def generator(
    data: DataSpec, latent_dim: int, width: int, *, norm: bool = True, wrap: Wrap = _as_it_is
) -> nn.Sequential:
    """z (N, latent_dim) to x (N, *shape): images in [-1, 1] by tanh, points as they come.

    Args:
        data: images, or points, which two dense layers of ``width`` make.
        latent_dim: numbers in z.
        width: channels at the lowest resolution.
        norm: whether there is batch normalisation.
        wrap: what each layer with weights is put into.
    """

    def normed(layer: nn.Module, kind: type[nn.Module], features: int) -> list[nn.Module]:
        return [wrap(layer), *([kind(features)] if norm else []), nn.ReLU()]

    if data.kind == "points":
        layers: list[nn.Module] = []
        for inputs in (latent_dim, width):
            layer = nn.Linear(inputs, width, bias=not norm)
            layers += normed(layer, nn.BatchNorm1d, width)
        return nn.Sequential(*layers, wrap(nn.Linear(width, math.prod(data.shape))))
    at, wide = sizes(data)[::-1], channels(data, width)[::-1]
    first = (wide[0], *at[0])
    layers = [
        wrap(nn.Linear(latent_dim, math.prod(first), bias=not norm)),
        nn.Unflatten(1, first),
        *([nn.BatchNorm2d(wide[0])] if norm else []),
        nn.ReLU(),
    ]
    for stage, ((small, large), (below, here)) in enumerate(
        zip(pairwise(at), pairwise(wide), strict=True)
    ):
        last = stage == len(at) - 2
        convolution = nn.ConvTranspose2d(
            below, here, *_kernels(large, small), padding=1, bias=last or not norm
        )
        layers += [wrap(convolution)] if last else normed(convolution, nn.BatchNorm2d, here)
    return nn.Sequential(*layers, nn.Tanh())


def initialise(network: nn.Module) -> None:
    """Weights from N(0, 0.02^2), those of batch normalisation from N(1, 0.02^2), biases 0.

    DCGAN, section 4, for the first; the authors' code for the second. Of a layer that is wrapped in
    a parametrization, as by spectral normalisation, these are the weights before it.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(_weight(layer), 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _weight(layer: nn.Module) -> Tensor:
    # The weight of a parametrized layer is computed anew at each look: to set it sets nothing.
    parametrized = parametrize.is_parametrized(layer, "weight")
    weight: Tensor = layer.get_parameter(
        "parametrizations.weight.original" if parametrized else "weight"
    )
    return weight
