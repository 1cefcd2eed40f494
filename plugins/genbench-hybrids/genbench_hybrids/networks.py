"""What several hybrids are made of: stacks of DCGAN's kind with a dense layer at the code's end.

    encoder        x (N, *shape) -> convolutions -> dense -> numbers (N, outputs)
    decoder        z (N, latent) -> dense -> convolutions -> x (N, *shape), images in [-1, 1]

The convolutions are those of `genbench_gans.networks`, without batch normalisation: a network that
sees codes, or data, in one half of a step and draws in the other would keep the statistics of
neither. Weights begin as torch makes them, since N(0, 0.02^2) counts on that normalisation.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genbench.contract import DataSpec
from genbench_gans import networks

DENSE = 8
"""A dense layer has this many times the units that the widest image has channels."""


def convolutions(data: DataSpec, width: int) -> tuple[nn.Sequential, int]:
    """The layers of an encoder below its dense one: x (N, *shape) to features (N, F).

    Args:
        data: what `genbench_gans.networks.check` lets pass.
        width: channels of the first convolution; each further one has twice as many. A dense
            layer has eight times ``width``, and so have all layers for points.

    Returns:
        The network and F.
    """
    return networks.trunk(data, _lowest(data, width), norm=False)


def encoder(data: DataSpec, outputs: int, width: int) -> nn.Sequential:
    """From x (N, *shape) to (N, outputs); with one output it is a discriminator."""
    layers, features = convolutions(data, width)
    return nn.Sequential(
        *layers, *dense(features, DENSE * width), nn.Linear(DENSE * width, outputs)
    )


def decoder(data: DataSpec, latent_dim: int, width: int) -> nn.Sequential:
    """From z (N, latent_dim) to x (N, *shape): the mirror of `encoder`."""
    up = networks.generator(data, DENSE * width, _lowest(data, width), norm=False)
    return nn.Sequential(nn.Linear(latent_dim, DENSE * width), nn.ReLU(), *up)


def perceptron(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Two dense layers and a linear one, for codes: (N, inputs) to (N, outputs)."""
    return nn.Sequential(
        *dense(inputs, DENSE * width),
        *dense(DENSE * width, DENSE * width),
        nn.Linear(DENSE * width, outputs),
    )


def dense(inputs: int, outputs: int) -> list[nn.Module]:
    """A dense layer with its activation."""
    return [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]


def steepness(logit: Tensor, x: Tensor) -> Tensor:
    """E||grad l(x)||^2, of which the penalty R1 is gamma / 2: a scalar to be differentiated.

    Mescheder et al., "Which Training Methods for GANs do actually Converge?", 2018, equation 9.

    Args:
        logit: l(x), (N, 1).
        x: (N, ...), a part of the graph.
    """
    (slope,) = torch.autograd.grad(logit.sum(), x, create_graph=True)
    return slope.square().flatten(1).sum(1).mean()


def _lowest(data: DataSpec, width: int) -> int:
    if data.kind == "points":
        return DENSE * width
    return width << (len(networks.sizes(data)) - 2)
