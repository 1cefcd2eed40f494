"""PacGAN on points in the plane, with the networks of its authors.

Zinan Lin, Ashish Khetan, Giulia Fanti and Sewoong Oh, "PacGAN: The power of two samples in
generative adversarial networks", NeurIPS 2018, section 4.1 and table 1. The networks are those
that "Adversarially Learned Inference" (Dumoulin et al. 2017) used for such points: a generator
with batch normalisation, a discriminator of maxout layers (Goodfellow et al. 2013).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step

LATENT_DIM = 2
HIDDEN = 400
"""Units of each of the generator's four hidden layers."""
MAXOUT, PIECES = 200, 5
"""Units of each of the discriminator's three hidden layers, and linear pieces of each unit."""


class PacGAN2D(nn.Module):
    """A GAN whose discriminator judges m points together, all of them real or all of them fake.

    With l the discriminator's logit of a pack X = (x_1, ..., x_m), and Z likewise of z ~ N(0, I):

        discriminator minimises  E[softplus(-l(X))] + E[softplus(l(G(Z)))]
        generator minimises      E[softplus(-l(G(Z)))]

    A generator that drops modes gives packs that are less varied than real ones, which m points
    show and one does not. ``pack=1`` is the plain GAN. Both players move at once, from the same
    forward pass.

    A batch of N points is N / m packs; what is left over of N goes unused. So that packs are as
    many as in the paper, its protocol for m has batches of 100 m points.

    Args:
        data: points of any dimension.
        pack: m, points that are judged together.
        lr: Adam's learning rate, for both players.
        beta1: of Adam.
        init_std: of all weights at the start; biases are 0.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        pack: Annotated[int, Ge(1)] = 2,
        lr: Annotated[float, Gt(0)] = 1e-4,
        beta1: Annotated[float, Ge(0), Lt(1)] = 0.8,
        init_std: Annotated[float, Gt(0)] = 0.02,
    ) -> None:
        super().__init__()
        if data.kind != "points" or len(data.shape) != 1:
            raise ValueError(
                f"pacgan-2d takes points (D,); {data.name} has {data.kind} of shape {data.shape}"
            )
        self.pack = pack
        self.lr = lr
        self.beta1 = beta1
        (dim,) = data.shape
        layers: list[nn.Module] = []
        for inputs in (LATENT_DIM, HIDDEN, HIDDEN, HIDDEN):
            layers += [nn.Linear(inputs, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU()]
        self.generator = nn.Sequential(*layers, nn.Linear(HIDDEN, dim))
        self.discriminator = nn.Sequential(
            Maxout(dim * pack), Maxout(MAXOUT), Maxout(MAXOUT), nn.Linear(MAXOUT, 1)
        )
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0.0, init_std)
                nn.init.zeros_(layer.bias)

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for each player."""
        return {
            name: Adam(network.parameters(), self.lr, betas=(self.beta1, 0.999))
            for name, network in (
                ("discriminator", self.discriminator),
                ("generator", self.generator),
            )
        }

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Update both players at once."""
        packs = len(batch.x) // self.pack
        if packs == 0:
            raise ValueError(f"a batch of {len(batch.x)} points holds no pack of {self.pack}")
        points = packs * self.pack
        z = torch.randn(points, LATENT_DIM, device=batch.x.device)
        fake = self.generator(z)  # (points, D)
        # Two passes: the generator's gradient then has none of the real packs to go through.
        on_real = self.discriminator(batch.x[:points].reshape(packs, -1))  # (packs, 1)
        on_fake = self.discriminator(fake.reshape(packs, -1))
        adversarial = softplus(-on_fake).mean()
        discriminator = softplus(-on_real).mean() + softplus(on_fake).mean()
        step(discriminator=discriminator, generator=adversarial)
        return {"discriminator": discriminator, "adversarial": adversarial}

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Points from the prior: float32 (n, D)."""
        device = next(self.generator.parameters()).device
        x: Tensor = self.generator(torch.randn(n, LATENT_DIM, generator=rng, device=device))
        return x


class Maxout(nn.Module):
    """The largest of ``PIECES`` linear functions, for each unit: (N, inputs) to (N, MAXOUT)."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, MAXOUT * PIECES)

    def forward(self, x: Tensor) -> Tensor:
        """Goodfellow et al. 2013, equation 1."""
        # The pieces lie apart in memory: the largest of five rows is quicker than of five columns.
        largest: Tensor = self.linear(x).unflatten(1, (PIECES, MAXOUT)).max(1).values
        return largest
