"""Warm-start GAN: a GAN whose generator begins as the decoder of an autoencoder.

Giovanni Mariani, Florian Scheidegger, Roxana Istrate, Costas Bekas and Cristiano Malossi, "BAGAN:
Data Augmentation with Balancing GAN", 2018, begin a GAN with the weights of an autoencoder. Here
that step stands alone, to be compared with the GAN that does without it.
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


class WarmStartGAN(nn.Module):
    """Two stages that share one network, the decoder of the first and generator G of the second.

    Stage 1 is a share ``pretraining`` of the budget. Encoder E and decoder G minimise

        E||x - G(E(x))||^2 + code_weight (||m||^2 + ||C - I||^2) / latent_dim

    where m and C are mean and covariance of the codes of a batch. That term is what brings codes
    and prior together: codes come to have the first two moments of N(0, I), so that G, in stage 2,
    is given z where it has learned to decode.

    Stage 2 is a GAN and nothing else (Goodfellow et al., "Generative Adversarial Nets", 2014,
    non-saturating), with a discriminator that begins anew. With l its logit, D = sigmoid(l):

        D minimises  -E[log D(x)] - E[log(1 - D(G(z)))] + gamma/2 E||grad l(x)||^2
        G minimises  -E[log D(G(z))],    z ~ N(0, I)

    With ``pretraining=0`` there is no encoder and no stage 1: the plain GAN with the same
    networks, the same first weights of G and D, and the whole budget.

    The model samples and does no more. The game moves G away from what E is the inverse of, so
    that the reconstructions of its end are not those of an autoencoder; E is a scaffold.

    We differ from BAGAN in the moments of codes (there a Gaussian is fitted to the codes of each
    class), in labels, which we do not use, and in D, which there begins as the encoder. R1
    (Mescheder et al., "Which Training Methods for GANs do actually Converge?", 2018, equation 9,
    whose gamma of 10 is the default) is for small data sets, which D learns by heart without it: on
    8x8 digits the game then leaves one image of what the decoder had learned.

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, or points.
        latent_dim: numbers in z and in a code.
        width: channels of the first convolution; dense layers have eight times as many units.
        lr: Adam's learning rate, in both stages.
        pretraining: the share of the budget that is the autoencoder's, 0 for none.
        code_weight: of the moments of codes, against the reconstruction.
        gradient_penalty: gamma, the weight of R1.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 8,
        width: Annotated[int, Ge(8)] = 32,
        lr: Annotated[float, Gt(0)] = 1e-3,
        pretraining: Annotated[float, Ge(0), Lt(1)] = 0.2,
        code_weight: Annotated[float, Ge(0)] = 0.1,
        gradient_penalty: Annotated[float, Ge(0)] = 10.0,
    ) -> None:
        super().__init__()
        check("warm-start-gan", data)
        self.latent_dim = latent_dim
        self.lr = lr
        self.pretraining = pretraining
        self.code_weight = code_weight
        self.gradient_penalty = gradient_penalty
        self.generator = networks.decoder(data, latent_dim, width)
        self.discriminator = networks.encoder(data, 1, width)
        # Last, so that the other two begin alike with and without it.
        if pretraining > 0:
            self.encoder = networks.encoder(data, latent_dim, width)

    def optimizers(self) -> Mapping[str, Optimizer]:
        """The players', and the autoencoder's where there is one.

        The generator has an optimizer for each stage: moments of one loss tell nothing of the
        other.
        """
        betas = (0.5, 0.999)
        optimizers: dict[str, Optimizer] = {
            "discriminator": Adam(self.discriminator.parameters(), self.lr, betas=betas),
            "generator": Adam(self.generator.parameters(), self.lr, betas=betas),
        }
        if self.pretraining > 0:
            autoencoder = [*self.encoder.parameters(), *self.generator.parameters()]
            optimizers["autoencoder"] = Adam(autoencoder, self.lr)
        return optimizers

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Update the autoencoder, or from then on the two players at once."""
        if step.progress < self.pretraining:
            return self._autoencode(batch.x, step)
        return self._play(batch.x, step)

    def _autoencode(self, x: Tensor, step: Step) -> Mapping[str, Tensor]:
        code = self.encoder(x)  # (N, latent)
        reconstruction = mse_loss(self.generator(code), x)
        moments = distance_to_normal(code)
        step(autoencoder=reconstruction + self.code_weight * moments)
        return {"reconstruction": reconstruction, "moments": moments}

    def _play(self, x: Tensor, step: Step) -> Mapping[str, Tensor]:
        x = x.detach().requires_grad_()  # R1 differentiates by it
        z = torch.randn(len(x), self.latent_dim, device=x.device)  # (N, latent)
        on_real = self.discriminator(x)  # (N, 1)
        on_fake = self.discriminator(self.generator(z))
        game = softplus(-on_real).mean() + softplus(on_fake).mean()
        adversarial = softplus(-on_fake).mean()
        penalty = torch.zeros_like(game)
        if self.gradient_penalty > 0:
            penalty = self.gradient_penalty / 2 * networks.steepness(on_real, x)
        step(discriminator=game + penalty, generator=adversarial)
        return {"discriminator": game, "adversarial": adversarial, "penalty": penalty}

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Generate from draws of the prior: float32 (n, *shape)."""
        device = next(self.parameters()).device
        x: Tensor = self.generator(torch.randn(n, self.latent_dim, generator=rng, device=device))
        return x


def distance_to_normal(code: Tensor) -> Tensor:
    """How far mean and covariance of codes (N, latent) are from those of N(0, I): a scalar."""
    mean = code.mean(0)  # (latent,)
    off = code - mean
    covariance = off.T @ off / len(code)  # (latent, latent)
    identity = torch.eye(len(mean), dtype=code.dtype, device=code.device)
    return (mean.square().sum() + (covariance - identity).square().sum()) / len(mean)
