"""PacGAN: a discriminator that judges several samples together.

Zinan Lin, Ashish Khetan, Giulia Fanti and Sewoong Oh, "PacGAN: The power of two samples in
generative adversarial networks", 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step
from genbench_gans import networks


class PacGAN(nn.Module):
    """PacDCGAN: a DCGAN whose discriminator takes ``pack`` = m samples of one kind at once.

        D(x_1, ..., x_m)   against   D(G(z_1), ..., G(z_m))                      (section 2)

    The m images are concatenated along their channels, points end to end, and only the first
    layer of the discriminator is wider for it. A generator that collapses gives packs whose
    members are more alike than those of data, which a packed discriminator can see. The losses
    are those of DCGAN, with D = sigmoid(l):

        the discriminator minimises   -E[log D(x_1 ... x_m)] - E[log(1 - D(G(z_1) ... G(z_m)))]
        the generator minimises       -E[log D(G(z_1) ... G(z_m))]

    A batch of N gives floor(N / m) packs, its remainder is left out. The paper draws m batches
    instead, which makes m times as many images of one step.

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, or points.
        latent_dim: numbers in z, uniform in [-1, 1].
        width: channels at the lowest resolution, half as many at each higher one.
        lr: Adam's learning rate, for both players.
        pack: samples that are judged together.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 100,
        width: Annotated[int, Ge(8)] = 128,
        lr: Annotated[float, Gt(0)] = 2e-4,
        pack: Annotated[int, Ge(1)] = 2,
    ) -> None:
        super().__init__()
        networks.check("pacgan", data)
        self.latent_dim = latent_dim
        self.lr = lr
        self.pack = pack
        self.generator = networks.generator(data, latent_dim, width)
        first, *sides = data.shape
        trunk, features = networks.trunk(replace(data, shape=(pack * first, *sides)), width)
        self.discriminator = nn.Sequential(trunk, nn.Linear(features, 1))
        networks.initialise(self)

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for each player."""
        players = {"discriminator": self.discriminator, "generator": self.generator}
        return {
            name: Adam(network.parameters(), self.lr, betas=(0.5, 0.999))
            for name, network in players.items()
        }

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """One step of the discriminator, then one of the generator, each with its own noise."""
        real = packed(batch.x, self.pack)  # (N // m, m * C, H, W)
        with torch.no_grad():
            fake = self._generate_packs(batch.x)
        judging = (
            softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fake)).mean()
        )
        step(discriminator=judging)
        fooling = softplus(-self.discriminator(self._generate_packs(batch.x))).mean()
        step(generator=fooling)
        return {"discriminator": judging, "generator": fooling}

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Generate from draws of z: float32 (n, *shape)."""
        z = 2 * torch.rand(n, self.latent_dim, generator=rng, device=rng.device) - 1
        x: Tensor = self.generator(z)
        return x

    def _generate_packs(self, x: Tensor) -> Tensor:
        # From as many as there are in x: (N // m, m * C, H, W)
        z = 2 * torch.rand(len(x), self.latent_dim, device=x.device) - 1
        return packed(self.generator(z), self.pack)


def packed(x: Tensor, pack: int) -> Tensor:
    """(N, C, ...) to (N // pack, pack * C, ...): neighbours together, the remainder left out.

    Raises:
        ValueError: not enough for one pack.
    """
    packs = len(x) // pack
    if packs == 0:
        raise ValueError(
            f"pacgan judges pack={pack} samples together and was given a batch of {len(x)}"
        )
    return x[: packs * pack].reshape(packs, pack * x.shape[1], *x.shape[2:])
