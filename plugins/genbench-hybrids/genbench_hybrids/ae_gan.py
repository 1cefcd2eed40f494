"""AE-GAN: an autoencoder and a generative adversarial network made of the same two networks.

    encoder E       x -> trunk -> linear -> code z
    discriminator D x -> trunk -> linear -> logit     the same trunk
    decoder G       z -> x                            the same network as the generator

What is put together here, and from where:

- The game: Goodfellow et al., "Generative Adversarial Nets", 2014. Equation 1 is the value
  V(D, G) = E[log D(x)] + E[log(1 - D(G(z)))], section 3 its non-saturating form.
- Decoder and generator are one: Larsen et al., "Autoencoding beyond pixels using a learned
  similarity metric", 2016. Ours is no variational autoencoder, codes are deterministic.
- Encoder and discriminator are one: Brock et al., "Neural Photo Editing with Introspective
  Adversarial Networks", 2017.
- The latent regression ||E(G(z)) - z||^2: Chen et al., "InfoGAN", 2016, and Srivastava et al.,
  "VEEGAN", 2017, who see in it what keeps a generator from collapsing.
- The gradient penalty R1: Mescheder et al., "Which Training Methods for GANs do actually
  Converge?", 2018, equation 9.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor, nn
from torch.nn.functional import mse_loss, softplus
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step

LARGEST_SIDE = 64
"""Of an image, in pixels."""

DENSE_SIDE = 8
"""Up to this many pixels an image is no longer halved, and dense layers see all of it."""


class AEGAN(nn.Module):
    """The fused system, all of it trained at once.

    With l the discriminator's logit, D = sigmoid(l), and z ~ N(0, I):

        discriminator and encoder minimise   -V(D, G) + R + L + gamma/2 E||grad l(x)||^2
        generator (= decoder) minimises      -E[log D(G(z))] + R + L
                                        or   E[log(1 - D(G(z)))] + R + L         (minimax)

        R = reconstruction_weight E||x - G(E(x))||^2      means over all numbers, so that a weight
        L = latent_weight E||E(G(z)) - z||^2              means the same at every size

    Nothing pushes the codes of data towards the prior, and yet that is where they end up. The game
    makes G(z) distributed like x, and L makes E undo G. So E(x) is distributed like E(G(z)) = z.
    Where several z give one image E can only return their mean, and the codes spread less than the
    prior: with a standard deviation of 0.7 on 8x8 digits, 0.9 with a latent_weight of 1. A term
    for the moments of the codes gained nothing there.

    R1 is what the game needs on a small data set: without it the discriminator learns the training
    images by heart, and FID on the validation split of those digits is 3.9 instead of 0.8.

    Args:
        data: images with sides of up to 64 pixels, grey or colour, or points.
        latent_dim: numbers in a code.
        width: units of a dense layer. Convolutions have a quarter of it at the lowest resolution,
            and half as many at each higher one.
        lr: Adam's learning rate, for both players.
        loss: the generator's side of the game.
        reconstruction_weight: of R, against the game.
        latent_weight: of L, against the game.
        gradient_penalty: gamma, the weight of R1.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 8,
        width: Annotated[int, Ge(32)] = 256,
        lr: Annotated[float, Gt(0)] = 1e-3,
        loss: Literal["non-saturating", "minimax"] = "non-saturating",
        reconstruction_weight: Annotated[float, Ge(0)] = 10.0,
        latent_weight: Annotated[float, Ge(0)] = 0.1,
        gradient_penalty: Annotated[float, Ge(0)] = 0.1,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.lr = lr
        self.loss = loss
        self.reconstruction_weight = reconstruction_weight
        self.latent_weight = latent_weight
        self.gradient_penalty = gradient_penalty

        down, shape, up = convolutions(data, width)
        self.trunk = nn.Sequential(
            *down,
            nn.Flatten(),
            *dense(math.prod(shape), width),
            *dense(width, width),
            *dense(width, width),
        )
        self.code = nn.Linear(width, latent_dim)
        self.logit = nn.Linear(width, 1)
        self.decoder = nn.Sequential(
            *dense(latent_dim, width),
            *dense(width, width),
            *dense(width, width),
            nn.Linear(width, math.prod(shape)),
            nn.Unflatten(1, shape),
            *up,
            nn.Tanh() if data.kind == "image" else nn.Identity(),
        )

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for each player: the encoder is the discriminator's, the decoder the generator."""
        discriminator = [self.trunk, self.code, self.logit]
        return {
            "discriminator": Adam(
                [p for network in discriminator for p in network.parameters()],
                self.lr,
                betas=(0.5, 0.99),
            ),
            "generator": Adam(self.decoder.parameters(), self.lr, betas=(0.5, 0.99)),
        }

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Update both players at once, from one forward pass.

        Nothing is detached: ``step`` takes each player's gradient for its own networks only.
        """
        x = batch.x.detach().requires_grad_()  # (N, *shape); R1 differentiates by it
        z = torch.randn(len(x), self.latent_dim, device=x.device)  # (N, latent)
        fake = self.decoder(z)  # (N, *shape)
        seen, dreamt = self.trunk(x), self.trunk(fake)  # (N, width)
        on_real, on_fake = self.logit(seen), self.logit(dreamt)  # (N, 1)

        reconstruction = mse_loss(self.decoder(self.code(seen)), x.detach())
        latent = mse_loss(self.code(dreamt), z)
        shared = self.reconstruction_weight * reconstruction + self.latent_weight * latent

        value = -softplus(-on_real).mean() - softplus(on_fake).mean()  # V(D, G)
        if self.loss == "non-saturating":
            adversarial = softplus(-on_fake).mean()  # -E[log D(G(z))]
        else:
            adversarial = -softplus(on_fake).mean()  # E[log(1 - D(G(z)))]

        (slope,) = torch.autograd.grad(on_real.sum(), x, create_graph=True)  # (N, *shape)
        steepness = slope.square().flatten(1).sum(1).mean()  # E||grad l(x)||^2

        step(
            discriminator=-value + shared + self.gradient_penalty / 2 * steepness,
            generator=adversarial + shared,
        )
        return {
            "value": value,
            "adversarial": adversarial,
            "reconstruction": reconstruction,
            "latent": latent,
            "steepness": steepness,
        }

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Decode draws from the prior: float32 (n, *shape)."""
        device = self.code.weight.device
        z = torch.randn(n, self.latent_dim, generator=rng, device=device)  # (n, latent)
        x: Tensor = self.decoder(z)
        return x

    def encode(self, x: Tensor) -> Tensor:
        """Codes of x (N, *shape): (N, latent)."""
        z: Tensor = self.code(self.trunk(x))
        return z

    def reconstruct(self, x: Tensor) -> Tensor:
        """Decode the codes of x (N, *shape): like x."""
        reconstruction: Tensor = self.decoder(self.encode(x))
        return reconstruction


def dense(inputs: int, outputs: int) -> list[nn.Module]:
    """A dense layer with its activation."""
    return [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]


def convolutions(
    data: DataSpec, width: int
) -> tuple[list[nn.Module], tuple[int, ...], list[nn.Module]]:
    """Layers that halve the sides of an image until dense layers can take it, and their mirror.

    An odd side loses a pixel when it is halved and gets it back in the mirror. The sides are
    halved each for itself, so 8x64 becomes 8x8 as well. Points and images of 8x8 need no layer.

    Returns:
        Layers down, the shape between, layers up.

    Raises:
        ValueError: neither images with sides of up to 64 pixels nor points.
    """
    if data.kind == "points" and len(data.shape) == 1 and min(data.shape) > 0:
        return [], data.shape, []
    is_image = data.kind == "image" and len(data.shape) == 3 and min(data.shape) > 0
    if not is_image or max(data.shape[1:]) > LARGEST_SIDE:
        raise ValueError(
            f"ae-gan takes images (C, H, W) with sides of up to {LARGEST_SIDE} pixels and points "
            f"(D,); {data.name} has {data.kind} of shape {data.shape}"
        )
    down: list[nn.Module] = []
    up: list[nn.Module] = []
    sides = data.shape[1], data.shape[2]
    stages = 0
    while max(sides) >> stages > DENSE_SIDE:
        stages += 1
    channels = [data.shape[0], *(width // 4 >> stages - i for i in range(1, stages + 1))]
    for here, below in pairwise(channels):
        halved = sides[0] > DENSE_SIDE, sides[1] > DENSE_SIDE
        stride = 1 + halved[0], 1 + halved[1]
        kernel = 3 + halved[0], 3 + halved[1]
        lost = sides[0] % stride[0], sides[1] % stride[1]
        down += [nn.Conv2d(here, below, kernel, stride, padding=1), nn.LeakyReLU(0.2)]
        back = nn.ConvTranspose2d(below, here, kernel, stride, padding=1, output_padding=lost)
        up = [nn.LeakyReLU(0.2), back, *up]
        sides = sides[0] // stride[0], sides[1] // stride[1]
    return down, (channels[-1], *sides), up
