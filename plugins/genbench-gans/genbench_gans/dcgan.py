"""DCGAN: a convolutional GAN, and with labels a conditional one.

Alec Radford, Luke Metz and Soumith Chintala, "Unsupervised Representation Learning with Deep
Convolutional Generative Adversarial Networks", 2016.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step
from genbench_gans import labels, networks


class DCGAN(nn.Module):
    """The game of Goodfellow et al., 2014, between two convolutional networks.

    With D = sigmoid(l) and z uniform in [-1, 1]^latent, in turns,

        the discriminator minimises   -E[log D(x)] - E[log(1 - D(G(z)))]
        the generator minimises       -E[log D(G(z))]

    `networks` has the stacks: strided convolutions, batch normalisation, ReLU up, LeakyReLU down
    (section 3). Real and generated images pass the discriminator in batches of their own, so that
    each are normalised by their own statistics. Weights start from N(0, 0.02^2), Adam has beta1 =
    0.5 (section 4). For points, the networks are dense.

    ``conditional`` gives both players the label (Mehdi Mirza and Simon Osindero, "Conditional
    Generative Adversarial Nets", 2014, equation 2):

        min_G max_D E[log D(x|y)] + E[log(1 - D(G(z|y)))]

    The generator sees a learned embedding of y beside z. The discriminator sees another beside x,
    as one more channel of the image; the paper's dense layers took both at their second layer.

    The learning rate is the paper's, the size is not: it has 1024 channels at the lowest
    resolution, for large images.

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, or points.
        latent_dim: numbers in z.
        width: channels at the lowest resolution, half as many at each higher one.
        lr: Adam's learning rate, for both players.
        conditional: whether labels are used; the data must have them.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 100,
        width: Annotated[int, Ge(8)] = 128,
        lr: Annotated[float, Gt(0)] = 2e-4,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        networks.check("dcgan", data)
        self.latent_dim = latent_dim
        self.lr = lr
        self.classes = labels.classes("dcgan", data, conditional)

        beside = labels.LABEL_DIM if self.classes else 0
        self.generator = networks.generator(data, latent_dim + beside, width)
        judged = with_label(data) if self.classes else data
        trunk, features = networks.trunk(judged, width)
        self.discriminator = nn.Sequential(trunk, nn.Linear(features, 1))
        networks.initialise(self)
        if self.classes:
            self.label_of_z = nn.Embedding(self.classes, beside)
            self.label_of_x = nn.Embedding(
                self.classes, math.prod(judged.shape) - math.prod(data.shape)
            )

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for each player, who also has the embedding that it sees."""
        discriminator, generator = [self.discriminator], [self.generator]
        if self.classes:
            discriminator.append(self.label_of_x)  # type: ignore[arg-type]
            generator.append(self.label_of_z)  # type: ignore[arg-type]
        players = {"discriminator": discriminator, "generator": generator}
        return {
            name: Adam(nn.ModuleList(parts).parameters(), self.lr, betas=(0.5, 0.999))
            for name, parts in players.items()
        }

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """One step of the discriminator, then one of the generator, each with its own noise."""
        x, y = batch.x, batch.y if self.classes else None
        with torch.no_grad():
            fake = self._generate(self._noise(x), y)
        on_real, on_fake = self._judge(x, y), self._judge(fake, y)
        judging = softplus(-on_real).mean() + softplus(on_fake).mean()
        step(discriminator=judging)
        fooling = softplus(-self._judge(self._generate(self._noise(x), y), y)).mean()
        step(generator=fooling)
        return {"discriminator": judging, "generator": fooling}

    def sample(self, n: int, rng: Generator, y: Tensor | None = None) -> Tensor:
        """Generate from draws of z: float32 (n, *shape).

        Args:
            n: how many.
            rng: where z is from, and labels, which are uniform unless they are given.
            y: int64 (n,), the classes to sample; only for a conditional model.
        """
        z = 2 * torch.rand(n, self.latent_dim, generator=rng, device=rng.device) - 1
        return self._generate(z, labels.given_or_drawn("dcgan", y, n, self.classes, rng))

    def _noise(self, x: Tensor) -> Tensor:
        # For as many as there are in x.
        return 2 * torch.rand(len(x), self.latent_dim, device=x.device) - 1

    def _generate(self, z: Tensor, y: Tensor | None) -> Tensor:
        # (N, latent) and (N,) to (N, *shape)
        x: Tensor = self.generator(z if y is None else torch.cat([z, self.label_of_z(y)], 1))
        return x

    def _judge(self, x: Tensor, y: Tensor | None) -> Tensor:
        # (N, *shape) and (N,) to logits (N, 1)
        if y is not None:
            label = self.label_of_x(y)  # (N, H * W) or (N, LABEL_DIM)
            x = torch.cat([x, label.view(len(x), -1, *x.shape[2:])], 1)
        logits: Tensor = self.discriminator(x)
        return logits


def with_label(data: DataSpec) -> DataSpec:
    """Data with room for a label: one more channel, or a few more dimensions for points."""
    first, *sides = data.shape
    return replace(data, shape=(first + (1 if sides else labels.LABEL_DIM), *sides))
