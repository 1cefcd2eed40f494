"""WGAN-GP: a Wasserstein GAN whose critic is kept 1-Lipschitz by a penalty on its gradient.

Ishaan Gulrajani, Faruk Ahmed, Martin Arjovsky, Vincent Dumoulin and Aaron Courville, "Improved
Training of Wasserstein GANs", 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor, nn
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step
from genbench_gans import networks


class WGANGP(nn.Module):
    """Algorithm 1, with a critic f, z ~ N(0, I) and e ~ U[0, 1], one for each example.

        the critic minimises      E[f(G(z))] - E[f(x)] + lambda E[(||grad f(x^)||_2 - 1)^2]   (3)
        the generator minimises   -E[f(G(z))]

        x^ = e x + (1 - e) G(z)

    One train step is one critic update on its own batch, and every ``n_critic``-th train step
    also updates the generator. The networks are those of DCGAN, the critic without batch
    normalisation, because the penalty is of each example by itself (section 4); for points they
    are dense. Weights start as torch has them, not as DCGAN's.

    The defaults are for a training of a few thousand steps. The paper has a learning rate of 0.0001
    and five critic updates, for a training that is far longer.

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, or points.
        latent_dim: numbers in z.
        width: channels at the lowest resolution, half as many at each higher one.
        lr: Adam's learning rate, for both players; its betas are 0 and 0.9.
        gradient_penalty: lambda.
        n_critic: critic updates for one of the generator.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 100,
        width: Annotated[int, Ge(8)] = 128,
        lr: Annotated[float, Gt(0)] = 1e-3,
        gradient_penalty: Annotated[float, Ge(0)] = 10.0,
        n_critic: Annotated[int, Ge(1)] = 2,
    ) -> None:
        super().__init__()
        networks.check("wgan-gp", data)
        self.latent_dim = latent_dim
        self.lr = lr
        self.gradient_penalty = gradient_penalty
        self.n_critic = n_critic
        self.generator = networks.generator(data, latent_dim, width)
        trunk, features = networks.trunk(data, width, norm=False)
        self.critic = nn.Sequential(trunk, nn.Linear(features, 1))

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for each player."""
        players = {"critic": self.critic, "generator": self.generator}
        return {
            name: Adam(network.parameters(), self.lr, betas=(0.0, 0.9))
            for name, network in players.items()
        }

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Update the critic, and at every ``n_critic``-th call the generator too."""
        with torch.no_grad():
            fake = self._generate(batch.x)
        wasserstein = self.critic(batch.x).mean() - self.critic(fake).mean()
        penalty = (self._steepness(batch.x, fake) - 1).square().mean()
        step(critic=-wasserstein + self.gradient_penalty * penalty)
        losses = {"wasserstein": wasserstein, "penalty": penalty}
        if step.index % self.n_critic == self.n_critic - 1:
            losses["generator"] = -self.critic(self._generate(batch.x)).mean()
            step(generator=losses["generator"])
        return losses

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Generate from draws of z: float32 (n, *shape)."""
        z = torch.randn(n, self.latent_dim, generator=rng, device=rng.device)
        x: Tensor = self.generator(z)
        return x

    def _generate(self, x: Tensor) -> Tensor:
        # As many as there are in x.
        fake: Tensor = self.generator(torch.randn(len(x), self.latent_dim, device=x.device))
        return fake

    def _steepness(self, real: Tensor, fake: Tensor) -> Tensor:
        # ||grad f||_2 at a point between each pair: (N,)
        share = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
        between = (share * real + (1 - share) * fake).requires_grad_()  # (N, *shape)
        # An example's score depends on itself alone, so the gradient of the sum has all of them.
        (slope,) = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
        # A square root has no slope at 0: eps keeps the penalty's own gradient finite there.
        return (slope.flatten(1).square().sum(1) + 1e-12).sqrt()
