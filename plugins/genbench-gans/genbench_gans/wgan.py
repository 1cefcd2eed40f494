"""WGAN: a generator that descends an estimate of the Wasserstein distance, with clipped weights.

Martin Arjovsky, Soumith Chintala and Léon Bottou, "Wasserstein Generative Adversarial Networks",
2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor, nn
from torch.optim import Optimizer, RMSprop

from genbench.contract import Batch, DataSpec, Step
from genbench_gans import networks


class WGAN(nn.Module):
    """Algorithm 1, with a critic f in place of a discriminator and z ~ N(0, I).

        the critic maximises      E[f(x)] - E[f(G(z))]          then w <- clip(w, -c, c)
        the generator minimises   -E[f(G(z))]

    Over all 1-Lipschitz f, the critic's maximum is the Wasserstein-1 distance of data and samples
    (equation 2). Clipped weights keep f K-Lipschitz for some K that depends on c and the network,
    so that it estimates K times the distance (equation 3). ``wasserstein`` among the losses is that
    estimate.

    One train step is one critic update on its own batch, and every ``n_critic``-th train step
    also updates the generator. The networks are those of DCGAN, batch normalisation included, as
    in the paper's experiments; for points they are dense. Its weights are clipped with the rest.

    The defaults are for a training of a few thousand steps. The paper's are a learning rate of
    0.00005, a clip of 0.01 and five critic updates, for a hundred times as many.

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, or points.
        latent_dim: numbers in z.
        width: channels at the lowest resolution, half as many at each higher one.
        lr: RMSprop's learning rate, for both players.
        clip: c, the largest weight of the critic.
        n_critic: critic updates for one of the generator.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 100,
        width: Annotated[int, Ge(8)] = 128,
        lr: Annotated[float, Gt(0)] = 1e-3,
        clip: Annotated[float, Gt(0)] = 0.05,
        n_critic: Annotated[int, Ge(1)] = 2,
    ) -> None:
        super().__init__()
        networks.check("wgan", data)
        self.latent_dim = latent_dim
        self.lr = lr
        self.clip = clip
        self.n_critic = n_critic
        self.generator = networks.generator(data, latent_dim, width)
        trunk, features = networks.trunk(data, width)
        self.critic = nn.Sequential(trunk, nn.Linear(features, 1))
        networks.initialise(self)

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for each player."""
        return {
            "critic": RMSprop(self.critic.parameters(), self.lr),
            "generator": RMSprop(self.generator.parameters(), self.lr),
        }

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Update the critic, and at every ``n_critic``-th call the generator too."""
        with torch.no_grad():
            fake = self._generate(batch.x)
        wasserstein = self.critic(batch.x).mean() - self.critic(fake).mean()
        step(critic=-wasserstein)
        self._clip()
        losses = {"wasserstein": wasserstein}
        if step.index % self.n_critic == self.n_critic - 1:
            # After the clipping: a graph from before it would be stale.
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

    @torch.no_grad()
    def _clip(self) -> None:
        for parameter in self.critic.parameters():
            parameter.clamp_(-self.clip, self.clip)
