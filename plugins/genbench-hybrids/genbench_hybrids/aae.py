"""Adversarial autoencoder: a discriminator shapes the codes to the prior.

Alireza Makhzani, Jonathon Shlens, Navdeep Jaitly, Ian Goodfellow and Brendan Frey, "Adversarial
Autoencoders", 2016; section numbers are theirs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor, nn
from torch.nn.functional import mse_loss, one_hot, softplus
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step
from genbench_gans.networks import check
from genbench_hybrids import networks


class AAE(nn.Module):
    """An autoencoder whose encoder E is also the generator of a GAN, of codes (section 2).

    Every batch has two phases. With D = sigmoid(l) a discriminator of codes and z ~ N(0, I):

        reconstruction    encoder and decoder minimise  E||x - decoder(E(x))||^2
        regularisation    first D minimises             -E[log D(z)] - E[log(1 - D(E(x)))]
                          then E minimises              -E[log D(E(x))]

    The encoder has an optimizer for either phase. It is deterministic, the first of the three
    kinds of encoder in section 2.

    With ``labels`` D is given one-hot labels beside the codes, as in section 2.3, and each class
    gets a part of the prior: its sector of the plane of the first two numbers of a code, all of
    the same angle. So N(0, I) remains the prior as long as classes are equally frequent, and
    remains what ``sample`` draws from. (The paper shows a mixture of Gaussians and a swiss roll,
    cut into parts likewise.) No image is without a label, and so D has no class for that.

    We differ from the paper in convolutions in place of dense layers, in Adam in place of SGD, and
    in R1 at draws of the prior, gamma/2 E||grad l(z)||^2. The codes of a small data set are few
    points, which D can tell from any density; without R1 it does, and the encoder, driven about by
    it, ends with codes that are neither like the prior nor good for reconstruction.

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, or points.
        latent_dim: numbers in a code, at least 2 with ``labels``.
        width: channels of the first convolution; dense layers have eight times as many units.
        lr: Adam's learning rate in the reconstruction phase.
        gan_lr: Adam's learning rate in the regularisation phase, for D and for E.
        gradient_penalty: gamma, the weight of R1; the paper has none.
        labels: whether classes get parts of the prior.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 8,
        width: Annotated[int, Ge(8)] = 32,
        lr: Annotated[float, Gt(0)] = 1e-3,
        gan_lr: Annotated[float, Gt(0)] = 1e-3,
        gradient_penalty: Annotated[float, Ge(0)] = 1.0,
        labels: bool = False,
    ) -> None:
        super().__init__()
        check("aae", data)
        if labels and not data.classes:
            raise ValueError(f"aae with labels=True needs labelled data; {data.name} has no labels")
        if labels and latent_dim < 2:
            raise ValueError("aae with labels=True needs latent_dim of at least 2")
        self.latent_dim = latent_dim
        self.lr = lr
        self.gan_lr = gan_lr
        self.gradient_penalty = gradient_penalty
        self.classes = data.classes if labels else 0
        self.encoder = networks.encoder(data, latent_dim, width)
        self.decoder = networks.decoder(data, latent_dim, width)
        self.discriminator = networks.perceptron(latent_dim + self.classes, width, 1)

    def optimizers(self) -> Mapping[str, Optimizer]:
        """Of the autoencoder, and of the two players of the game about codes."""
        autoencoder = [*self.encoder.parameters(), *self.decoder.parameters()]
        betas = (0.5, 0.999)
        return {
            "autoencoder": Adam(autoencoder, self.lr),
            "discriminator": Adam(self.discriminator.parameters(), self.gan_lr, betas=betas),
            "encoder": Adam(self.encoder.parameters(), self.gan_lr, betas=betas),
        }

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Both phases, one update of each network in each."""
        x = batch.x
        reconstruction = mse_loss(self.decoder(self.encoder(x)), x)
        step(autoencoder=reconstruction)

        z = torch.randn(len(x), self.latent_dim, device=x.device)  # (N, latent)
        if self.classes:
            assert batch.y is not None
            z = into_sectors(z, batch.y, self.classes)
        z.requires_grad_()  # R1 differentiates by it
        code = self.encoder(x)  # (N, latent), of the encoder as it is now
        on_prior = self._tell(z, batch.y)  # (N, 1)
        on_code = self._tell(code.detach(), batch.y)
        game = softplus(-on_prior).mean() + softplus(on_code).mean()
        penalty = torch.zeros_like(game)
        if self.gradient_penalty > 0:
            penalty = self.gradient_penalty / 2 * networks.steepness(on_prior, z)
        step(discriminator=game + penalty)

        adversarial = softplus(-self._tell(code, batch.y)).mean()
        step(encoder=adversarial)
        return {
            "reconstruction": reconstruction,
            "discriminator": game,
            "adversarial": adversarial,
            "penalty": penalty,
        }

    def _tell(self, code: Tensor, y: Tensor | None) -> Tensor:
        if self.classes:
            assert y is not None
            code = torch.cat((code, one_hot(y, self.classes).to(code.dtype)), 1)
        logit: Tensor = self.discriminator(code)
        return logit

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Decode draws from the prior: float32 (n, *shape)."""
        device = next(self.parameters()).device
        x: Tensor = self.decoder(torch.randn(n, self.latent_dim, generator=rng, device=device))
        return x

    def encode(self, x: Tensor) -> Tensor:
        """Codes of x (N, *shape): (N, latent)."""
        code: Tensor = self.encoder(x)
        return code

    def reconstruct(self, x: Tensor) -> Tensor:
        """Decode the codes of x (N, *shape): like x."""
        reconstruction: Tensor = self.decoder(self.encoder(x))
        return reconstruction


def into_sectors(z: Tensor, y: Tensor, classes: int) -> Tensor:
    """Squeeze the angle of each z's first two numbers into the sector of its class.

    Args:
        z: draws of N(0, I), (N, latent), latent at least 2.
        y: labels, (N,).
        classes: how many sectors there are; that of class c is from 2 pi c / classes onwards.

    Returns:
        (N, latent); where y is uniform, draws of N(0, I) again.
    """
    turn = torch.atan2(z[:, 1], z[:, 0]) / (2 * math.pi) + 0.5  # uniform in [0, 1]
    angle = 2 * math.pi * (y + turn) / classes  # (N,)
    radius = z[:, :2].norm(dim=1)
    plane = torch.stack((radius * angle.cos(), radius * angle.sin()), 1)  # (N, 2)
    return torch.cat((plane, z[:, 2:]), 1)
