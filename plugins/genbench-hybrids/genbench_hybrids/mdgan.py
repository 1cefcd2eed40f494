"""Mode-regularised GAN: an encoder keeps the generator from missing modes.

Tong Che, Yanran Li, Athul Paul Jacob, Yoshua Bengio and Wenjie Li, "Mode Regularized Generative
Adversarial Networks", 2017; section numbers are theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor, nn
from torch.nn.functional import mse_loss, softplus
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step
from genbench_gans.networks import check
from genbench_hybrids import networks


class MDGAN(nn.Module):
    """A GAN, and an encoder E that gives the generator G a way to every training example.

    With l the logit of a discriminator D = sigmoid(l), z ~ N(0, I), and x' = G(E(x)):

        D minimises  -E[log D(x)] - E[log(1 - D(G(z)))]
        G minimises  -E[log D(G(z))] + lambda1 E d(x, x') - lambda2 E[log D(x')]
        E minimises                    lambda1 E d(x, x') - lambda2 E[log D(x')]

    The term of lambda1 is the geometric metrics regulariser (section 3.1): a pixel-wise squared
    distance, which is a gradient towards x wherever x may lie. That of lambda2 is the mode
    regulariser (section 3.2): G is to move images near a mode onto it, however rare the mode. The
    paper prints this term with a plus in losses that are minimised; its text wants D(x') to be
    large, and so we write a minus.

    This is the regularised GAN of sections 3.1 and 3.2 (``variant="regularised"``). Section 3.3
    trains in two steps (``variant="manifold-diffusion"``), with a discriminator for each:

        manifold     D1 tells x from x';        G and E minimise  lambda1 E d(x, x') - E[log D1(x')]
        diffusion    D2 tells x' from G(z);     G minimises       -E[log D2(G(z))]

    so that G and E first match the manifold of the data, then G spreads the prior over it as
    the codes are spread. There lambda2 has no part.

    We differ from the paper in the stacks, which have no batch normalisation since G sees codes
    and draws, in d, which is a mean over the numbers of an example, so that lambda1 means the same
    at every size, and in R1: without it the discriminators learn a small data set by heart. Both
    steps of section 3.3 are taken at once.

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, or points.
        latent_dim: numbers in a code, and in z.
        width: channels of the first convolution; dense layers have eight times as many units.
        lr: Adam's learning rate, for all networks.
        variant: of section 3.1 and 3.2, or of section 3.3.
        metric_weight: lambda1.
        mode_weight: lambda2.
        gradient_penalty: gamma, the weight of R1, gamma/2 E||grad l(x)||^2; the paper has none.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 8,
        width: Annotated[int, Ge(8)] = 32,
        lr: Annotated[float, Gt(0)] = 1e-3,
        variant: Literal["regularised", "manifold-diffusion"] = "regularised",
        metric_weight: Annotated[float, Ge(0)] = 10.0,
        mode_weight: Annotated[float, Ge(0)] = 0.1,
        gradient_penalty: Annotated[float, Ge(0)] = 0.1,
    ) -> None:
        super().__init__()
        check("mdgan", data)
        self.latent_dim = latent_dim
        self.lr = lr
        self.variant = variant
        self.metric_weight = metric_weight
        self.mode_weight = mode_weight
        self.gradient_penalty = gradient_penalty
        self.encoder = networks.encoder(data, latent_dim, width)
        self.generator = networks.decoder(data, latent_dim, width)
        self.discriminator = networks.encoder(data, 1, width)
        if variant == "manifold-diffusion":
            self.diffusion = networks.encoder(data, 1, width)  # D2; the other one is D1

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for each of the three players."""
        discriminators = [p for n, p in self.named_parameters() if n.startswith("di")]
        players = {
            "encoder": self.encoder.parameters(),
            "generator": self.generator.parameters(),
            "discriminator": discriminators,
        }
        return {name: Adam(own, self.lr, betas=(0.5, 0.999)) for name, own in players.items()}

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Update all three at once; ``step`` takes each one's gradient for itself."""
        x = batch.x
        z = torch.randn(len(x), self.latent_dim, device=x.device)  # (N, latent)
        fake = self.generator(z)  # (N, *shape)
        restored = self.generator(self.encoder(x))  # (N, *shape)
        metric = mse_loss(restored, x)
        if self.variant == "regularised":
            game = self._tell(self.discriminator, x, fake)
            spread = _praise(self.discriminator, fake)
            mode = _praise(self.discriminator, restored)
            restoring = self.metric_weight * metric + self.mode_weight * mode
        else:
            game = self._tell(self.discriminator, x, restored)
            game = game + self._tell(self.diffusion, restored, fake)
            spread = _praise(self.diffusion, fake)
            mode = _praise(self.discriminator, restored)
            restoring = self.metric_weight * metric + mode
        step(discriminator=game, generator=spread + restoring, encoder=restoring)
        return {
            "discriminator": game,
            "adversarial": spread,
            "reconstruction": metric,
            "mode": mode,
        }

    def _tell(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        # What a discriminator minimises; nobody else is given this loss.
        real = real.detach().requires_grad_()  # R1 differentiates by it
        on_real, on_fake = discriminator(real), discriminator(fake.detach())  # (N, 1)
        loss = softplus(-on_real).mean() + softplus(on_fake).mean()
        if self.gradient_penalty > 0:
            loss = loss + self.gradient_penalty / 2 * networks.steepness(on_real, real)
        return loss

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Generate from draws of the prior: float32 (n, *shape)."""
        device = next(self.parameters()).device
        x: Tensor = self.generator(torch.randn(n, self.latent_dim, generator=rng, device=device))
        return x

    def encode(self, x: Tensor) -> Tensor:
        """Codes of x (N, *shape): (N, latent)."""
        code: Tensor = self.encoder(x)
        return code

    def reconstruct(self, x: Tensor) -> Tensor:
        """G(E(x)) of x (N, *shape): like x."""
        restored: Tensor = self.generator(self.encoder(x))
        return restored


def _praise(discriminator: nn.Module, fake: Tensor) -> Tensor:
    # -E[log D(fake)]
    return softplus(-discriminator(fake)).mean()
