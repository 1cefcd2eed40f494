"""Latent GAN: an autoencoder first, then a GAN that generates its codes.

    stage 1        x -> encoder E -> code c -> decoder -> x
    stage 2        z -> generator G -> code -> discriminator D -> logit

Panos Achlioptas, Olga Diamanti, Ioannis Mitliagkas and Leonidas Guibas, "Learning Representations
and Generative Models for 3D Point Clouds", 2018, train an autoencoder and then a GAN on its codes,
which they call an l-GAN. Oleksii Prykhodko et al., "A de novo molecular generation method using
latent vector based generative adversarial network", 2019, do so with molecules (LatentGAN).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import Generator, Tensor, nn
from torch.nn.functional import mse_loss, softplus
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step
from genbench_gans.networks import check
from genbench_hybrids import networks

MEMORY = 20
"""The moments of codes are averages over about this many train steps."""


class LatentGAN(nn.Module):
    """Two stages that share nothing but the codes.

    The first, a share ``pretraining`` of the budget, minimises E||x - decoder(E(x))||^2. Its
    learning rate falls to 0 in the second half, so that there is an end to it, and so that the
    moving average of weights, with which a run is scored, has the codes that stage 2 has learned.

    The second leaves encoder and decoder as they are and plays the game of Goodfellow et al.,
    "Generative Adversarial Nets", 2014, in its non-saturating form, about normalised codes
    c = (E(x) - mean) / deviation. With l the logit, D = sigmoid(l) and z ~ N(0, I):

        D minimises  -E[log D(c)] - E[log(1 - D(G(z)))] + gamma/2 E||grad l(c)||^2
        G minimises  -E[log D(G(z))]

    Mean and deviation, of each number of a code, are running moments of stage 1. They are buffers
    that stage 2 keeps. A sample is decoder(mean + deviation * G(z)). A code, as ``encode`` gives
    it, is E(x), not normalised.

    We differ from Achlioptas et al. in what their data asks for (encoders of point clouds), in the
    normalisation, and in R1: codes of a small data set are as easily learned by heart as its
    images. Set ``gradient_penalty=0`` to have the game without it.

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, or points.
        latent_dim: numbers in a code, and in z.
        width: channels of the first convolution; dense layers have eight times as many units.
        lr: Adam's learning rate for the autoencoder.
        gan_lr: Adam's learning rate for generator and discriminator.
        pretraining: the share of the budget that is the autoencoder's.
        gradient_penalty: gamma, the weight of R1.
    """

    code_mean: Tensor
    code_variance: Tensor

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 8,
        width: Annotated[int, Ge(8)] = 32,
        lr: Annotated[float, Gt(0)] = 2e-3,
        gan_lr: Annotated[float, Gt(0)] = 1e-3,
        pretraining: Annotated[float, Gt(0), Lt(1)] = 0.3,
        gradient_penalty: Annotated[float, Ge(0)] = 0.1,
    ) -> None:
        super().__init__()
        check("latent-gan", data)
        self.latent_dim = latent_dim
        self.lr = lr
        self.gan_lr = gan_lr
        self.pretraining = pretraining
        self.gradient_penalty = gradient_penalty
        self.encoder = networks.encoder(data, latent_dim, width)
        self.decoder = networks.decoder(data, latent_dim, width)
        self.generator = networks.perceptron(latent_dim, width, latent_dim)
        self.discriminator = networks.perceptron(latent_dim, width, 1)
        self.register_buffer("code_mean", torch.zeros(latent_dim))
        self.register_buffer("code_variance", torch.ones(latent_dim))

    def optimizers(self) -> Mapping[str, Optimizer]:
        """The autoencoder's for stage 1, the players' for stage 2."""
        self._autoencoder = Adam([*self.encoder.parameters(), *self.decoder.parameters()], self.lr)
        betas = (0.5, 0.999)
        return {
            "autoencoder": self._autoencoder,
            "discriminator": Adam(self.discriminator.parameters(), self.gan_lr, betas=betas),
            "generator": Adam(self.generator.parameters(), self.gan_lr, betas=betas),
        }

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Update the autoencoder, or from then on the two players at once."""
        if step.progress < self.pretraining:
            return self._autoencode(batch.x, step)
        return self._play(batch.x, step)

    def _autoencode(self, x: Tensor, step: Step) -> Mapping[str, Tensor]:
        for group in self._autoencoder.param_groups:
            group["lr"] = self.lr * min(1.0, 2 * (1 - step.progress / self.pretraining))
        code = self.encoder(x)  # (N, latent)
        reconstruction = mse_loss(self.decoder(code), x)
        step(autoencoder=reconstruction)
        with torch.no_grad():
            # A plain average at first: the buffers' first values are nobody's codes.
            share = max(1 / MEMORY, 1 / (step.index + 1))
            code = code.float()  # also under autocast
            mean = code.mean(0)
            self.code_mean.lerp_(mean, share)
            self.code_variance.lerp_((code - self.code_mean).square().mean(0), share)
        return {"reconstruction": reconstruction}

    def _play(self, x: Tensor, step: Step) -> Mapping[str, Tensor]:
        with torch.no_grad():
            code = (self.encoder(x) - self.code_mean) / self._deviation()  # (N, latent)
        code.requires_grad_()  # R1 differentiates by it
        z = torch.randn_like(code)
        fake = self.generator(z)  # (N, latent)
        on_real, on_fake = self.discriminator(code), self.discriminator(fake)  # (N, 1)
        game = softplus(-on_real).mean() + softplus(on_fake).mean()
        adversarial = softplus(-on_fake).mean()
        penalty = torch.zeros_like(game)
        if self.gradient_penalty > 0:
            penalty = self.gradient_penalty / 2 * networks.steepness(on_real, code)
        step(discriminator=game + penalty, generator=adversarial)
        return {"discriminator": game, "adversarial": adversarial, "penalty": penalty}

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Decode generated codes: float32 (n, *shape)."""
        z = torch.randn(n, self.latent_dim, generator=rng, device=self.code_mean.device)
        x: Tensor = self.decoder(self.code_mean + self._deviation() * self.generator(z))
        return x

    def encode(self, x: Tensor) -> Tensor:
        """Codes of x (N, *shape), as the autoencoder has them: (N, latent)."""
        code: Tensor = self.encoder(x)
        return code

    def reconstruct(self, x: Tensor) -> Tensor:
        """Decode the codes of x (N, *shape): like x."""
        reconstruction: Tensor = self.decoder(self.encoder(x))
        return reconstruction

    def _deviation(self) -> Tensor:
        # A number that no code uses stays finite.
        return (self.code_variance + 1e-6).sqrt()  # (latent,)
