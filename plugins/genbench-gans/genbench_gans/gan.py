"""GAN: the first one, of dense layers.

Goodfellow et al., "Generative Adversarial Nets", 2014; equation numbers are theirs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Lt
from torch import Generator, Tensor, nn
from torch.nn.functional import relu, softplus
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step

Loss = Literal["minimax", "non-saturating", "least-squares", "hinge"]


class GAN(nn.Module):
    """Two dense networks, one of which makes what the other is to tell from data.

    With D = sigmoid(l) and z ~ N(0, I), the game is

        min_G max_D V(D, G) = E[log D(x)] + E[log(1 - D(G(z)))]                 (1)

    and algorithm 1 plays it in turns, one step of the discriminator (k = 1) and one of the
    generator, each with noise of its own. What each minimises, by ``loss``:

        minimax           -V                                  E[log(1 - D(G(z)))]
        non-saturating    -V                                  -E[log D(G(z))]     (section 3)
        least-squares     E[(l(x) - 1)^2 + l(G(z))^2] / 2     E[(l(G(z)) - 1)^2] / 2
        hinge             E[(1 - l(x))+ + (1 + l(G(z)))+]     -E[l(G(z))]

    Least squares are from Mao et al., "Least Squares Generative Adversarial Networks", 2017,
    equation 9; the hinge loss is from Lim and Ye, "Geometric GAN", 2017.

    Shapes, for the 784 pixels of MNIST:

        generator      z 100 - 128 - 256 - 512 - 1024 - 784, ReLU, tanh at the end
        discriminator  x 784 - 512 - 256 - 1, LeakyReLU(0.2), dropout

    The layers between have these sizes for any image; for points the generator ends linearly. The
    paper gives no sizes and its discriminator has maxout units: ours are those of the dense
    networks that most implementations have. Dropout in the discriminator is the paper's. Batch
    normalisation is not, it came later. Implementations put it behind all hidden layers of the
    generator but the first, and so do we: without it the generator of this depth makes one image
    of all noise. Adam is not the paper's either, which has SGD with momentum.

    Args:
        data: images of any size, grey or colour, or points.
        latent_dim: numbers in z.
        width: units of the generator's last hidden layer; the others follow, halving.
        lr: Adam's learning rate, for both players; beta1 is 0.5.
        loss: of both players, as above.
        dropout: share of the discriminator's hidden units that a train step leaves out.
        batch_norm: in the generator.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 100,
        width: Annotated[int, Ge(32)] = 1024,
        lr: Annotated[float, Gt(0)] = 2e-4,
        loss: Loss = "non-saturating",
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.3,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        if len(data.shape) != (3 if data.kind == "image" else 1) or min(data.shape) < 1:
            raise ValueError(
                f"gan takes images (C, H, W) and points (D,); {data.name} has {data.kind} of shape "
                f"{data.shape}"
            )
        self.latent_dim = latent_dim
        self.lr = lr
        self.loss: Loss = loss
        dim = math.prod(data.shape)

        up: list[nn.Module] = []
        units = [latent_dim, width // 8, width // 4, width // 2, width]
        for layer, (inputs, outputs) in enumerate(pairwise(units)):
            up.append(nn.Linear(inputs, outputs))
            if batch_norm and layer > 0:
                up.append(nn.BatchNorm1d(outputs))
            up.append(nn.ReLU())
        self.generator = nn.Sequential(
            *up,
            nn.Linear(width, dim),
            nn.Unflatten(1, data.shape),
            nn.Tanh() if data.kind == "image" else nn.Identity(),
        )

        down: list[nn.Module] = []
        for inputs, outputs in pairwise([dim, width // 2, width // 4]):
            down += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2), nn.Dropout(dropout)]
        self.discriminator = nn.Sequential(nn.Flatten(), *down, nn.Linear(width // 4, 1))

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for each player."""
        players = {"discriminator": self.discriminator, "generator": self.generator}
        return {
            name: Adam(network.parameters(), self.lr, betas=(0.5, 0.999))
            for name, network in players.items()
        }

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """One step of the discriminator, then one of the generator."""
        with torch.no_grad():
            fake = self._generate(batch.x)
        on_real, on_fake = self.discriminator(batch.x), self.discriminator(fake)  # (N, 1)
        judging = discriminator_loss(self.loss, on_real, on_fake)
        step(discriminator=judging)
        fooling = generator_loss(self.loss, self.discriminator(self._generate(batch.x)))
        step(generator=fooling)
        return {"discriminator": judging, "generator": fooling}

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Generate from draws of z: float32 (n, *shape)."""
        x: Tensor = self.generator(
            torch.randn(n, self.latent_dim, generator=rng, device=rng.device)
        )
        return x

    def _generate(self, x: Tensor) -> Tensor:
        # As many as there are in x.
        fake: Tensor = self.generator(torch.randn(len(x), self.latent_dim, device=x.device))
        return fake


def discriminator_loss(loss: Loss, on_real: Tensor, on_fake: Tensor) -> Tensor:
    """What the discriminator minimises, from its logits (N, 1)."""
    if loss == "least-squares":
        return ((on_real - 1).square().mean() + on_fake.square().mean()) / 2
    if loss == "hinge":
        return relu(1 - on_real).mean() + relu(1 + on_fake).mean()
    return softplus(-on_real).mean() + softplus(on_fake).mean()  # -V(D, G)


def generator_loss(loss: Loss, on_fake: Tensor) -> Tensor:
    """What the generator minimises, from the discriminator's logits (N, 1)."""
    if loss == "least-squares":
        return (on_fake - 1).square().mean() / 2
    if loss == "hinge":
        return -on_fake.mean()
    if loss == "minimax":
        return -softplus(on_fake).mean()  # E[log(1 - D(G(z)))]
    return softplus(-on_fake).mean()  # -E[log D(G(z))]
