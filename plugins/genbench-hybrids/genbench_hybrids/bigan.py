"""BiGAN: a GAN of pairs, whose encoder comes to undo its generator.

Jeff Donahue, Philipp Kraehenbuehl and Trevor Darrell, "Adversarial Feature Learning", 2017, and at
the same time Vincent Dumoulin et al., "Adversarially Learned Inference", 2017 (ALI).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step
from genbench_gans.networks import check
from genbench_hybrids import networks


class BiGAN(nn.Module):
    """Generator G: z -> x, encoder E: x -> z, and a discriminator D of pairs of both.

    The value of the game is Donahue et al.'s equation 2, with deterministic G and E, as theirs:

        V(D, E, G) = E[log D(x, E(x))] + E[log(1 - D(G(z), z))],    z ~ N(0, I)

        D maximises V
        G and E minimise -E[log(1 - D(x, E(x)))] - E[log D(G(z), z)]

    where the second line is V with labels swapped, which both papers use in training. When no D can
    tell the pairs, E undoes G (Donahue et al., theorem 2). No loss compares x with G(E(x)): with
    what a finite game gets to, reconstructions are of the kind of x rather than equal to
    it, and their squared error is that of no autoencoder.

    E(x) goes through D's eyes only: it is trained by the gradient of D for codes.

    We differ from the papers in stacks without batch normalisation and in R1, a penalty on the
    slope of the logit l at pairs of data, gamma/2 E||grad l(x, E(x))||^2 by both parts, since D
    learns a small data set by heart. z is normal, as in ALI; Donahue et al.'s is uniform.

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, or points.
        latent_dim: numbers in z and in a code.
        width: channels of the first convolution; dense layers have eight times as many units.
        lr: Adam's learning rate, for all networks.
        gradient_penalty: gamma, the weight of R1; the papers have none.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 8,
        width: Annotated[int, Ge(8)] = 32,
        lr: Annotated[float, Gt(0)] = 1e-3,
        gradient_penalty: Annotated[float, Ge(0)] = 0.1,
    ) -> None:
        super().__init__()
        check("bigan", data)
        self.latent_dim = latent_dim
        self.lr = lr
        self.gradient_penalty = gradient_penalty
        self.encoder = networks.encoder(data, latent_dim, width)
        self.generator = networks.decoder(data, latent_dim, width)
        self.discriminator = PairDiscriminator(data, latent_dim, width)

    def optimizers(self) -> Mapping[str, Optimizer]:
        """The discriminator's, and one for generator and encoder, which play together."""
        pair = [*self.generator.parameters(), *self.encoder.parameters()]
        betas = (0.5, 0.999)
        return {
            "discriminator": Adam(self.discriminator.parameters(), self.lr, betas=betas),
            "generator": Adam(pair, self.lr, betas=betas),
        }

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Update both sides at once."""
        x = batch.x.detach().requires_grad_()  # R1 differentiates by it
        z = torch.randn(len(x), self.latent_dim, device=x.device)  # (N, latent)
        code = self.encoder(x.detach())  # (N, latent)
        on_data = self.discriminator(x, code)  # (N, 1)
        on_prior = self.discriminator(self.generator(z), z)  # (N, 1)
        game = softplus(-on_data).mean() + softplus(on_prior).mean()  # -V
        swapped = softplus(on_data).mean() + softplus(-on_prior).mean()
        penalty = torch.zeros_like(game)
        if self.gradient_penalty > 0:
            slope = networks.steepness(on_data, x) + networks.steepness(on_data, code)
            penalty = self.gradient_penalty / 2 * slope
        step(discriminator=game + penalty, generator=swapped)
        return {"discriminator": game, "swapped": swapped, "penalty": penalty}

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Generate from draws of the prior: float32 (n, *shape)."""
        device = next(self.parameters()).device
        x: Tensor = self.generator(torch.randn(n, self.latent_dim, generator=rng, device=device))
        return x

    def encode(self, x: Tensor) -> Tensor:
        """E(x) of x (N, *shape): (N, latent)."""
        code: Tensor = self.encoder(x)
        return code

    def reconstruct(self, x: Tensor) -> Tensor:
        """G(E(x)) of x (N, *shape): like x."""
        reconstruction: Tensor = self.generator(self.encoder(x))
        return reconstruction


class PairDiscriminator(nn.Module):
    """Features of x and of z, put side by side under dense layers.

    Args:
        data: of x.
        latent_dim: numbers in z.
        width: as of `BiGAN`.
    """

    def __init__(self, data: DataSpec, latent_dim: int, width: int) -> None:
        super().__init__()
        dense = networks.DENSE * width
        layers, features = networks.convolutions(data, width)
        self.of_x = nn.Sequential(*layers, *networks.dense(features, dense))
        self.of_z = nn.Sequential(*networks.dense(latent_dim, dense))
        self.logit = networks.perceptron(2 * dense, width, 1)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """Logits of pairs of x (N, *shape) and z (N, latent): (N, 1)."""
        logit: Tensor = self.logit(torch.cat((self.of_x(x), self.of_z(z)), 1))
        return logit
