"""A variational autoencoder.

Diederik Kingma and Max Welling, "Auto-Encoding Variational Bayes", 2014; Danilo Rezende, Shakir
Mohamed and Daan Wierstra, "Stochastic Backpropagation and Approximate Inference in Deep Generative
Models", 2014.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step
from genbench_autoencoders.networks import check, convolutions, dense

FLOOR = 8
"""Up to this many pixels a side is no longer halved, and dense layers see all of it."""

LOG_2PI = math.log(2 * math.pi)

LEAST_LOG_SIGMA = -6.0
"""The bound that the sigma-VAE sets, softly, to the logarithm of sigma."""

SIGMA_RATE = 10
"""The learning rate of log s, in those of the networks."""

CHUNK = 2**22
"""Numbers in a chunk of examples, and in the layers below it, when likelihoods are estimated."""


class VAE(nn.Module):
    """z ~ N(0, I), x ~ p(x|z), and an encoder q(z|x) = N(mu(x), diag sigma(x)^2) that inverts it.

    Trained to maximise the evidence lower bound (Kingma and Welling, equation 3), in nats:

        L(x) = E_q(z|x)[log p(x|z)] - beta KL(q(z|x) || N(0, I))

        KL = -1/2 sum_j (1 + log sigma_j^2 - mu_j^2 - sigma_j^2)                   (appendix B)

    with one draw z = mu + sigma * e, e ~ N(0, I), for each example (equation 10). beta is that of
    Higgins et al., "beta-VAE", 2017. At beta = 1, L is a bound on log p(x).

        gaussian     p(x|z) = N(x; f(z), s^2 I)
        bernoulli    log p(x|z) = sum_i p_i log q_i + (1 - p_i) log(1 - q_i)

    The one variance s^2 of all numbers is learned with the rest: Rybkin, Daniilidis and Levine,
    "Simple and Effective VAE Training with Calibrated Decoders" (sigma-VAE), 2021. A sum of
    squared errors, as many take it, is a fixed s^2 = 1/2: a bound of another model, whose KL is far
    too heavy for pixels. bernoulli is for images, p = (x + 1) / 2 and q = (f(z) + 1) / 2; of grey
    pixels it is no density, so it has no ``log_likelihood_bound``.

    ``sample`` gives f(z), z ~ N(0, I), the mean of p(x|z). That is what the literature shows and
    measures FID of, for to add white noise to an image says nothing of what has been learned.
    But it is not the density that ``log_likelihood_bound`` is of: that has the noise, and
    ``sample_noise`` adds it to samples, too.

    log p(x) itself is an integral over all codes that nobody can take, so there is no
    ``log_likelihood``. ``log_likelihood_bound`` is the importance-weighted bound of Burda, Grosse
    and Salakhutdinov, "Importance Weighted Autoencoders", 2016, equation 8, with k draws from
    q(z|x):

        log 1/k sum_i p(x, z_i) / q(z_i | x)

    Its expectation is at most log p(x) for every k, L(x) at beta = 1 for one draw, and rises to
    log p(x) with k. The paper takes 5000 for its tables.

    Images go through convolutions until no side is longer than 8, then through three dense
    layers; an 8x8 image and a point through the latter alone. Kingma and Welling have one hidden
    layer of 500 tanh units in each network: on 8x8 digits that reconstructs better and samples
    worse, for it spreads codes over more directions than the prior's draws fill well.

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, square or not, or points.
        latent_dim: numbers in a code.
        width: units of a dense layer; a quarter as many channels at the lowest resolution.
        lr: Adam's learning rate.
        beta: of the KL.
        likelihood: gaussian, or bernoulli for images.
        sample_noise: whether samples are draws from a gaussian p(x|z), not its mean.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 8,
        width: Annotated[int, Ge(4)] = 256,
        lr: Annotated[float, Gt(0)] = 1e-3,
        beta: Annotated[float, Ge(0)] = 1.0,
        likelihood: Literal["gaussian", "bernoulli"] = "gaussian",
        sample_noise: bool = False,
    ) -> None:
        super().__init__()
        check("vae", data)
        bernoulli = likelihood == "bernoulli"
        if bernoulli and data.kind == "points":
            raise ValueError(
                f"vae has likelihood=bernoulli for images alone, whose pixels lie between two "
                f"bounds; {data.name} has points of shape {data.shape}"
            )
        if bernoulli and sample_noise:
            raise ValueError("vae has sample_noise for likelihood=gaussian alone")
        self.latent_dim = latent_dim
        self.lr = lr
        self.beta = beta
        self.sample_noise = sample_noise

        down, shape, up = convolutions(data, width // 4, FLOOR)
        lowest = math.prod(shape)
        self.encoder = nn.Sequential(
            *down,
            nn.Flatten(),
            *dense(lowest, width, width, width),
            nn.Linear(width, 2 * latent_dim),
        )
        self.decoder = nn.Sequential(
            *dense(latent_dim, width, width, width),
            nn.Linear(width, lowest),
            nn.Unflatten(1, shape),
            *up,
        )
        # q = sigmoid(l) is f = 2 sigmoid(l) - 1 = tanh(l / 2): one output serves both likelihoods.
        self.squash: nn.Module = HalfTanh() if data.kind == "image" else nn.Identity()
        # s of the whole range at first: log s = 0.
        self.log_sigma = None if bernoulli else nn.Parameter(torch.zeros(()))
        if bernoulli:
            self.log_likelihood_bound = None  # type: ignore[method-assign, assignment]

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for all of it; the variance, a single number with far to go, has a faster rate."""
        networks = [*self.encoder.parameters(), *self.decoder.parameters()]
        groups: list[dict[str, Any]] = [{"params": networks}]
        if self.log_sigma is not None:
            groups.append({"params": [self.log_sigma], "lr": SIGMA_RATE * self.lr})
        return {"autoencoder": Adam(groups, self.lr)}

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Raise the bound."""
        x = batch.x
        mu, log_variance = self.posterior(x)  # (N, latent) each
        z = mu + (log_variance / 2).exp() * torch.randn_like(mu)  # (N, latent)
        reconstruction = self.log_p(x, self.decoder(z)).mean()
        kl = kl_to_prior(mu, log_variance).mean()
        # In nats for each number, so that a learning rate means the same at every size.
        step(autoencoder=(self.beta * kl - reconstruction) / x[0].numel())
        return {"elbo": reconstruction - kl, "reconstruction": reconstruction, "kl": kl}

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of q(z|x) for x (N, *shape): (N, latent) each."""
        mu, log_variance = self.encoder(x).chunk(2, dim=1)
        return mu, log_variance

    def log_p(self, x: Tensor, output: Tensor) -> Tensor:
        """log p(x|z) for x and what the decoder's last layer gives, (N, *shape) each: (N,)."""
        if self.log_sigma is None:
            p = (x + 1) / 2
            cross_entropy = binary_cross_entropy_with_logits(output, p, reduction="none")
            return -cross_entropy.flatten(1).sum(1)
        log_s = self._log_s()
        squares = (x - self.squash(output)).square().flatten(1)  # (N, numbers)
        terms = -0.5 * squares * (-2 * log_s).exp() - log_s - 0.5 * LOG_2PI
        return terms.sum(1)

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Decode draws from the prior: float32 (n, *shape), without noise unless asked for."""
        device = next(self.parameters()).device
        x = self._decode(torch.randn(n, self.latent_dim, generator=rng, device=device))
        if self.sample_noise:
            noise = torch.randn(x.shape, generator=rng, device=device)
            x = x + self._log_s().exp() * noise
        return x

    def encode(self, x: Tensor) -> Tensor:
        """Means of q(z|x) for x (N, *shape): (N, latent)."""
        return self.posterior(x)[0]

    def reconstruct(self, x: Tensor) -> Tensor:
        """Decode the means of q(z|x) for x (N, *shape): like x."""
        return self._decode(self.encode(x))

    def log_likelihood_bound(self, x: Tensor, rng: Generator, k: int) -> Tensor:
        """The bound on log p(x) from ``k`` codes for each of x (N, *shape): (N,), in nats.

        Codes are decoded in chunks of bounded size, whatever N and ``k``.
        """
        rows = max(1, CHUNK // max(x[0].numel(), 1024))
        found = []
        for few in x.split(rows):
            mu, log_variance = self.posterior(few)  # (n, latent)
            log_weights = []
            left = k
            while left:
                some = min(left, max(1, rows // len(few)))
                log_weights.append(self._log_weights(few, mu, log_variance, some, rng))  # (some, n)
                left -= some
            found.append(torch.cat(log_weights).logsumexp(0) - math.log(k))  # (n,)
        return torch.cat(found)

    def _log_weights(
        self, x: Tensor, mu: Tensor, log_variance: Tensor, k: int, rng: Generator
    ) -> Tensor:
        """log p(x, z) - log q(z|x) of k draws z from q(z|x) for each x (n, *shape): (k, n)."""
        e = torch.randn(k, *mu.shape, generator=rng, device=mu.device)  # (k, n, latent)
        z = mu + (log_variance / 2).exp() * e
        # The 2 pi of both densities of z cancel.
        log_prior = -0.5 * z.square().sum(2)
        log_q = -0.5 * (e.square() + log_variance).sum(2)
        repeated = x.expand(k, *x.shape).flatten(0, 1)  # (k n, *shape)
        log_p = self.log_p(repeated, self.decoder(z.flatten(0, 1))).view(k, -1)
        return log_p + log_prior - log_q

    def _decode(self, z: Tensor) -> Tensor:
        x: Tensor = self.squash(self.decoder(z))
        return x

    def _log_s(self) -> Tensor:
        assert self.log_sigma is not None
        return LEAST_LOG_SIGMA + softplus(self.log_sigma - LEAST_LOG_SIGMA)


class HalfTanh(nn.Module):
    """l -> tanh(l / 2) = 2 sigmoid(l) - 1."""

    def forward(self, logits: Tensor) -> Tensor:
        """Values in [-1, 1], like the logits."""
        return torch.tanh(logits / 2)


def kl_to_prior(mu: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mu, exp log_variance) || N(0, I)) for (N, latent) each: (N,)."""
    return 0.5 * (mu.square() + log_variance.exp() - 1 - log_variance).sum(1)
