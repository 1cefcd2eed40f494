"""VAE/GAN: a variational autoencoder that measures its errors in a discriminator's features.

Anders Boesen Lindbo Larsen, Soren Kaae Sonderby, Hugo Larochelle and Ole Winther, "Autoencoding
beyond pixels using a learned similarity metric", 2016; equation numbers are theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step
from genbench_gans.networks import check
from genbench_hybrids import networks


class VAEGAN(nn.Module):
    """Encoder, decoder (= generator) and discriminator, each with a loss of its own.

    With Dis = sigmoid(l), Dis_l(x) the features of its last convolution, z ~ Enc(x) = q(z|x),
    x' = Dec(z), and x_p = Dec(z_p) for z_p ~ N(0, I):

        L_prior = KL(q(z|x) || N(0, I))
        L_llike = -E[log N(Dis_l(x); Dis_l(x'), I)]                                       (7)
                = 1/2 E||Dis_l(x) - Dis_l(x')||^2 and a constant
        L_GAN   = log Dis(x) + log(1 - Dis(x')) + log(1 - Dis(x_p))

    All three make up (8), and algorithm 1 says who gets which:

        Enc minimises  L_prior + L_llike
        Dec minimises  gamma L_llike + L_GAN                                              (9)
        Dis maximises  L_GAN

    The paper writes (9) and the last line with the other sign of L_GAN, as of a loss of Dis; who
    pulls which way is the same. Dis is not trained for L_llike, or it would make its
    features nothing. That the decoder has the reconstructions in L_GAN too is the paper's choice.

    ``encode`` gives the mean of q(z|x). No pixel is compared with another anywhere, so a squared
    error of pixels is not what is minimised.

    We differ from the paper in stacks without batch normalisation, in the non-saturating form of
    the decoder's side, -log Dis(x') - log Dis(x_p) (``loss="minimax"`` has the paper's), in Adam
    in place of RMSProp, and in R1, without which Dis learns a small data set by heart and its
    features compare nothing.

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, or points.
        latent_dim: numbers in a code.
        width: channels of the first convolution; dense layers have eight times as many units.
        lr: Adam's learning rate, for all three networks.
        loss: the decoder's side of the game.
        reconstruction_weight: gamma of (9).
        gradient_penalty: the weight of R1, half of it times E||grad l(x)||^2; the paper has none.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 8,
        width: Annotated[int, Ge(8)] = 32,
        lr: Annotated[float, Gt(0)] = 1e-3,
        loss: Literal["non-saturating", "minimax"] = "non-saturating",
        reconstruction_weight: Annotated[float, Gt(0)] = 0.1,
        gradient_penalty: Annotated[float, Ge(0)] = 0.1,
    ) -> None:
        super().__init__()
        check("vae-gan", data)
        self.latent_dim = latent_dim
        self.lr = lr
        self.loss = loss
        self.reconstruction_weight = reconstruction_weight
        self.gradient_penalty = gradient_penalty
        self.encoder = networks.encoder(data, 2 * latent_dim, width)
        self.decoder = networks.decoder(data, latent_dim, width)
        self.features, wide = networks.convolutions(data, width)  # Dis_l
        dense = networks.DENSE * width
        self.logit = nn.Sequential(*networks.dense(wide, dense), nn.Linear(dense, 1))

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for each of the three networks."""
        players = {
            "encoder": self.encoder.parameters(),
            "decoder": self.decoder.parameters(),
            "discriminator": [*self.features.parameters(), *self.logit.parameters()],
        }
        return {name: Adam(own, self.lr, betas=(0.5, 0.999)) for name, own in players.items()}

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Algorithm 1: one update of all three networks, from one forward pass.

        Nothing is detached: ``step`` takes the gradient of each loss for its own network only.
        """
        x = batch.x.detach().requires_grad_()  # R1 differentiates by it
        mean, log_variance = self.encoder(x).chunk(2, 1)  # (N, latent) each
        z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        restored = self.decoder(z)  # x', (N, *shape)
        fake = self.decoder(torch.randn_like(mean))  # x_p, (N, *shape)
        at_real, at_restored = self.features(x), self.features(restored)  # (N, F)
        on_real, on_restored = self.logit(at_real), self.logit(at_restored)  # (N, 1)
        on_fake = self.logit(self.features(fake))

        prior = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
        likelihood = (at_real - at_restored).square().sum(1).mean() / 2
        game = -(softplus(-on_real) + softplus(on_restored) + softplus(on_fake)).mean()  # L_GAN
        if self.loss == "non-saturating":
            adversarial = (softplus(-on_restored) + softplus(-on_fake)).mean()
        else:
            adversarial = game
        penalty = torch.zeros_like(game)
        if self.gradient_penalty > 0:
            penalty = self.gradient_penalty / 2 * networks.steepness(on_real, x)

        step(
            encoder=prior + likelihood,
            decoder=self.reconstruction_weight * likelihood + adversarial,
            discriminator=-game + penalty,
        )
        return {"prior": prior, "likelihood": likelihood, "game": game, "penalty": penalty}

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Decode draws from the prior: float32 (n, *shape)."""
        device = next(self.parameters()).device
        x: Tensor = self.decoder(torch.randn(n, self.latent_dim, generator=rng, device=device))
        return x

    def encode(self, x: Tensor) -> Tensor:
        """Means of q(z|x) for x (N, *shape): (N, latent)."""
        code: Tensor = self.encoder(x)[:, : self.latent_dim]
        return code

    def reconstruct(self, x: Tensor) -> Tensor:
        """Decode the means of q(z|x) for x (N, *shape): like x."""
        reconstruction: Tensor = self.decoder(self.encode(x))
        return reconstruction
