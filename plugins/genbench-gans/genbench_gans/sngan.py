"""SNGAN: a GAN whose discriminator is spectrally normalised, and with labels a projection one.

Takeru Miyato, Toshiki Kataoka, Masanori Koyama and Yuichi Yoshida, "Spectral Normalization for
Generative Adversarial Networks", 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor, nn
from torch.nn.functional import relu
from torch.nn.utils.parametrizations import spectral_norm
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step
from genbench_gans import labels, networks


class SNGAN(nn.Module):
    """Every weight of the discriminator is divided by its largest singular value s(W).

        W_SN = W / s(W),    s(W) ~ u'Wv                                          (8)

    u and v are buffers. One power iteration at each forward pass of a train step brings them
    nearer to the first singular vectors (algorithm 1). An update of the discriminator is one such
    pass, of real and generated examples together, and one of the generator is another.

    With logits l and z ~ N(0, I), in turns (equations 16 and 17), the generator at every
    ``n_dis``-th train step:

        the discriminator minimises   E[(1 - l(x))+] + E[(1 + l(G(z)))+]
        the generator minimises       -E[l(G(z))]

    ``conditional`` makes it a projection discriminator (Takeru Miyato and Masanori Koyama, "cGANs
    with Projection Discriminator", 2018, equation 3), with phi the trunk and V an embedding:

        l(x, y) = psi(phi(x)) + <V y, phi(x)>

    and the generator sees a learned embedding of y beside z, where theirs has conditional batch
    normalisation.

    The networks are those of DCGAN, the discriminator without batch normalisation; for points they
    are dense. The paper's discriminator has more layers. The generator's weights start from
    N(0, 0.02^2), as DCGAN's do, and the discriminator's as torch has them. Adam has the betas of
    the paper's larger experiments, 0 and 0.9. With them go a learning rate of 0.0002 and five
    discriminator updates for one of the generator; here they are 0.001 (among those that the paper
    tries) and one, for a training that is short.

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, or points.
        latent_dim: numbers in z.
        width: channels at the lowest resolution, half as many at each higher one.
        lr: Adam's learning rate, for both players.
        n_dis: discriminator updates for one of the generator.
        conditional: whether labels are used; the data must have them.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 128,
        width: Annotated[int, Ge(8)] = 128,
        lr: Annotated[float, Gt(0)] = 1e-3,
        n_dis: Annotated[int, Ge(1)] = 1,
        conditional: bool = False,
    ) -> None:
        super().__init__()
        networks.check("sngan", data)
        self.latent_dim = latent_dim
        self.lr = lr
        self.n_dis = n_dis
        self.classes = labels.classes("sngan", data, conditional)

        beside = labels.LABEL_DIM if self.classes else 0
        self.generator = networks.generator(data, latent_dim + beside, width)
        self.trunk, features = networks.trunk(data, width, norm=False, wrap=spectral_norm)
        self.logit = spectral_norm(nn.Linear(features, 1))
        networks.initialise(self.generator)
        if self.classes:
            self.label_of_z = nn.Embedding(self.classes, beside)
            self.projection = spectral_norm(nn.Embedding(self.classes, features))  # V

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for each player, who also has the embedding that it sees."""
        discriminator: list[nn.Module] = [self.trunk, self.logit]
        generator: list[nn.Module] = [self.generator]
        if self.classes:
            discriminator.append(self.projection)
            generator.append(self.label_of_z)
        players = {"discriminator": discriminator, "generator": generator}
        return {
            name: Adam(nn.ModuleList(parts).parameters(), self.lr, betas=(0.0, 0.9))
            for name, parts in players.items()
        }

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Update the discriminator, and at every ``n_dis``-th call the generator too."""
        x, y = batch.x, batch.y if self.classes else None
        with torch.no_grad():
            fake = self._generate(self._noise(x), y)
        # One pass for both: without batch norm they do not meet, and u and v stay the same.
        on_real, on_fake = self._judge(
            torch.cat([x, fake]), None if y is None else torch.cat([y, y])
        ).chunk(2)
        judging = relu(1 - on_real).mean() + relu(1 + on_fake).mean()
        step(discriminator=judging)
        losses = {"discriminator": judging}
        if step.index % self.n_dis == self.n_dis - 1:
            losses["generator"] = -self._judge(self._generate(self._noise(x), y), y).mean()
            step(generator=losses["generator"])
        return losses

    def sample(self, n: int, rng: Generator, y: Tensor | None = None) -> Tensor:
        """Generate from draws of z: float32 (n, *shape).

        Args:
            n: how many.
            rng: where z is from, and labels, which are uniform unless they are given.
            y: int64 (n,), the classes to sample; only for a conditional model.
        """
        z = torch.randn(n, self.latent_dim, generator=rng, device=rng.device)
        return self._generate(z, labels.given_or_drawn("sngan", y, n, self.classes, rng))

    def _noise(self, x: Tensor) -> Tensor:
        # For as many as there are in x.
        return torch.randn(len(x), self.latent_dim, device=x.device)

    def _generate(self, z: Tensor, y: Tensor | None) -> Tensor:
        # (N, latent) and (N,) to (N, *shape)
        x: Tensor = self.generator(z if y is None else torch.cat([z, self.label_of_z(y)], 1))
        return x

    def _judge(self, x: Tensor, y: Tensor | None) -> Tensor:
        # (N, *shape) and (N,) to logits (N, 1)
        features = self.trunk(x)  # (N, F)
        logits: Tensor = self.logit(features)
        if y is not None:
            logits = logits + (self.projection(y) * features).sum(1, keepdim=True)
        return logits
