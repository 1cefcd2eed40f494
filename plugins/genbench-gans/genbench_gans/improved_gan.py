"""Improved GAN: feature matching, minibatch discrimination and one-sided label smoothing.

Tim Salimans, Ian Goodfellow, Wojciech Zaremba, Vicki Cheung, Alec Radford and Xi Chen, "Improved
Techniques for Training GANs", 2016; section numbers are theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step
from genbench_gans import networks

KERNELS = 32
"""B of section 3.2: numbers that minibatch discrimination tells of an example."""

KERNEL_DIM = 8
"""C of section 3.2: numbers that each of them compares."""


class ImprovedGAN(nn.Module):
    """DCGAN's networks under three techniques, each of which can be switched off.

    *Feature matching* (3.1). With f the features that the discriminator's last layer sees, the
    generator minimises

        ||E f(x) - E f(G(z))||^2

    in place of -E[log D(G(z))].

    *Minibatch discrimination* (3.2). A tensor T maps the features of example i to a matrix M_i of
    B x C, and what is added to its features tells how near the others of its batch are:

        c_b(x_i, x_j) = exp(-||M_ib - M_jb||_1),    o(x_i)_b = sum_j c_b(x_i, x_j)

    for real and generated examples separately. With feature matching, f includes o, so that the
    generator matches how alike the members of a batch are.

    *One-sided label smoothing* (3.4). With D = sigmoid(l), the discriminator minimises

        -a E[log D(x)] - (1 - a) E[log(1 - D(x))] - E[log(1 - D(G(z)))],    a = ``smooth_label``

    and only real examples have a smoothed target.

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, or points.
        latent_dim: numbers in z, uniform in [-1, 1].
        width: channels at the lowest resolution, half as many at each higher one.
        lr: Adam's learning rate, for both players.
        feature_matching: as the generator's loss.
        minibatch_discrimination: in the discriminator.
        smooth_label: a, the target of real examples; 1 for no smoothing.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 100,
        width: Annotated[int, Ge(8)] = 128,
        lr: Annotated[float, Gt(0)] = 2e-4,
        feature_matching: bool = True,
        minibatch_discrimination: bool = True,
        smooth_label: Annotated[float, Gt(0.5), Le(1)] = 0.9,
    ) -> None:
        super().__init__()
        networks.check("improved-gan", data)
        self.latent_dim = latent_dim
        self.lr = lr
        self.feature_matching = feature_matching
        self.smooth_label = smooth_label
        self.generator = networks.generator(data, latent_dim, width)
        self.trunk, features = networks.trunk(data, width)
        self.companions = Companions(features) if minibatch_discrimination else nn.Identity()
        self.logit = nn.Linear(features + minibatch_discrimination * KERNELS, 1)
        networks.initialise(self)

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for each player."""
        discriminator = nn.ModuleList([self.trunk, self.companions, self.logit])
        return {
            "discriminator": Adam(discriminator.parameters(), self.lr, betas=(0.5, 0.999)),
            "generator": Adam(self.generator.parameters(), self.lr, betas=(0.5, 0.999)),
        }

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """One step of the discriminator, then one of the generator, each with its own noise."""
        with torch.no_grad():
            fake = self._generate(batch.x)
        on_real = self.logit(self._features(batch.x))  # (N, 1)
        on_fake = self.logit(self._features(fake))
        a = self.smooth_label
        judging = (
            a * softplus(-on_real).mean()
            + (1 - a) * softplus(on_real).mean()
            + softplus(on_fake).mean()
        )
        step(discriminator=judging)
        features = self._features(self._generate(batch.x))  # (N, F)
        if self.feature_matching:
            with torch.no_grad():
                target = self._features(batch.x).mean(0)
            fooling = (features.mean(0) - target).square().sum()
        else:
            fooling = softplus(-self.logit(features)).mean()
        step(generator=fooling)
        return {"discriminator": judging, "generator": fooling}

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Generate from draws of z: float32 (n, *shape)."""
        z = 2 * torch.rand(n, self.latent_dim, generator=rng, device=rng.device) - 1
        x: Tensor = self.generator(z)
        return x

    def _generate(self, x: Tensor) -> Tensor:
        # As many as there are in x.
        z = 2 * torch.rand(len(x), self.latent_dim, device=x.device) - 1
        fake: Tensor = self.generator(z)
        return fake

    def _features(self, x: Tensor) -> Tensor:
        # (N, *shape) to what the last layer sees, (N, F)
        features: Tensor = self.companions(self.trunk(x))
        return features


class Companions(nn.Module):
    """Minibatch discrimination: to features (N, F) it adds o, how near the batch is: (N, F + B)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.map = nn.Linear(features, KERNELS * KERNEL_DIM, bias=False)  # T

    def forward(self, features: Tensor) -> Tensor:
        m = self.map(features).view(-1, KERNELS, KERNEL_DIM).transpose(0, 1)  # (B, N, C)
        near = torch.exp(-torch.cdist(m, m, p=1)).sum(2)  # (B, N)
        return torch.cat([features, near.T], 1)
