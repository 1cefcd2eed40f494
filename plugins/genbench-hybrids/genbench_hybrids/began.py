"""BEGAN: a GAN whose discriminator is an autoencoder, held in balance.

David Berthelot, Thomas Schumm and Luke Metz, "BEGAN: Boundary Equilibrium Generative Adversarial
Networks", 2017; section numbers are theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le
from torch import Generator, Tensor, nn
from torch.nn.functional import l1_loss
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step
from genbench_gans.networks import check
from genbench_hybrids import networks


class BEGAN(nn.Module):
    """The discriminator D: x -> code -> x autoencodes, L(x) = |x - D(x)| is what it does not get.

    A generator's images are good when D restores them as well as it restores data. The losses
    (section 3.4) are

        L_D = L(x) - k_t L(G(z))              for D
        L_G = L(G(z))                         for G
        k_(t+1) = k_t + lambda_k (gamma L(x) - L(G(z))),    k_0 = 0, k_t in [0, 1]

    The last line keeps E[L(G(z))] / E[L(x)] at gamma, the diversity ratio: D is told to restore
    data well and G's images badly, and k_t says how much it is to care for the second. A low gamma
    means that D looks to data alone, and that images are good and all alike. The paper's measure of
    convergence (section 3.4.1) is among the losses that are shown:

        M = L(x) + |gamma L(x) - L(G(z))|

    k is a buffer: no gradient moves it.

    ``encode`` and ``reconstruct`` are the discriminator's own: it is an autoencoder of the data,
    though one that is also trained to fail at something. Codes and draws of z live in
    different spaces, and nothing maps one to the other.

    As in the paper z is uniform in [-1, 1], L is a mean of absolute values and lr is halved when
    training stalls; we have no halving. One draw of z serves both losses, where the paper writes
    two. Our stacks are DCGAN's, not those of section 3.5, so that the hybrids here are alike in
    size. lambda_k is 0.001 there, for a million images and more; k must get somewhere in a
    budget of 3,000 steps, and so it is larger here.

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, or points.
        latent_dim: numbers in a code, and in z.
        width: channels of the first convolution; dense layers have eight times as many units.
        lr: Adam's learning rate, for both networks.
        diversity: gamma, in (0, 1].
        balance_rate: lambda_k.
    """

    balance: Tensor

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 8,
        width: Annotated[int, Ge(8)] = 32,
        lr: Annotated[float, Gt(0)] = 1e-3,
        diversity: Annotated[float, Gt(0), Le(1)] = 0.5,
        balance_rate: Annotated[float, Gt(0)] = 0.01,
    ) -> None:
        super().__init__()
        check("began", data)
        self.latent_dim = latent_dim
        self.lr = lr
        self.diversity = diversity
        self.balance_rate = balance_rate
        self.encoder = networks.encoder(data, latent_dim, width)
        self.decoder = networks.decoder(data, latent_dim, width)
        self.generator = networks.decoder(data, latent_dim, width)
        self.register_buffer("balance", torch.zeros(()))  # k_t

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for each player: the discriminator is encoder and decoder."""
        discriminator = [*self.encoder.parameters(), *self.decoder.parameters()]
        return {
            "discriminator": Adam(discriminator, self.lr, betas=(0.5, 0.999)),
            "generator": Adam(self.generator.parameters(), self.lr, betas=(0.5, 0.999)),
        }

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Update both networks at once, then the balance."""
        x = batch.x
        z = 2 * torch.rand(len(x), self.latent_dim, device=x.device) - 1  # (N, latent)
        fake = self.generator(z)  # (N, *shape)
        on_real = l1_loss(self.reconstruct(x), x)  # L(x)
        # Not detached on either side: a generator's image is what D is asked for, and its target.
        on_fake = l1_loss(self.reconstruct(fake), fake)  # L(G(z))
        # A copy, since k moves before the losses are read.
        step(discriminator=on_real - self.balance.clone() * on_fake, generator=on_fake)
        with torch.no_grad():
            off = self.diversity * on_real - on_fake
            self.balance.add_(self.balance_rate * off).clamp_(0, 1)
            measure = on_real + off.abs()
        return {
            "reconstruction": on_real,
            "generated": on_fake,
            "balance": self.balance.clone(),
            "convergence": measure,
        }

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Generate from draws of the prior: float32 (n, *shape)."""
        device = self.balance.device
        z = 2 * torch.rand(n, self.latent_dim, generator=rng, device=device) - 1  # (n, latent)
        x: Tensor = self.generator(z)
        return x

    def encode(self, x: Tensor) -> Tensor:
        """Codes of x (N, *shape) inside the discriminator: (N, latent)."""
        code: Tensor = self.encoder(x)
        return code

    def reconstruct(self, x: Tensor) -> Tensor:
        """D(x) of x (N, *shape): like x."""
        reconstruction: Tensor = self.decoder(self.encoder(x))
        return reconstruction
