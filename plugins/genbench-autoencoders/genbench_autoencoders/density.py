"""A density that is fitted to the codes of a trained autoencoder, so that it can be sampled.

Ghosh, Sajjadi, Vergari, Black and Schölkopf, "From Variational to Deterministic Autoencoders",
2020, section 4: ex-post density estimation. They fit a mixture of 10 Gaussians with full
covariances to the codes of the training set, and a single Gaussian for comparison.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal

import torch
from torch import Generator, Tensor, nn

from genbench.contract import Split

Sampler = Literal["none", "normal", "gmm"]
"""``none``: the autoencoder has no samples. ``normal``: one Gaussian. ``gmm``: a mixture of 10."""

COMPONENTS = 10
"""Of the mixture, as in the paper."""

RIDGE = 1e-6
"""Added to variances, of codes whose own is 1: a code may be constant in some direction."""


class CodeDensity(nn.Module):
    """p(z) = sum_k w_k N(z; m_k, L_k L_k'), in buffers; before `fit` it is N(0, I).

    A mixture is found by expectation maximisation from means that k-means++ picks. Where there are
    fewer different codes than components, the components that are left over have weight 0.

    Args:
        latent_dim: numbers in a code.
        kind: ``normal`` or ``gmm``.
    """

    weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, latent_dim: int, kind: Literal["normal", "gmm"]) -> None:
        super().__init__()
        self.kind = kind
        components = COMPONENTS if kind == "gmm" else 1
        self.register_buffer("weights", torch.eye(components)[0])  # (K,)
        self.register_buffer("means", torch.zeros(components, latent_dim))  # (K, latent)
        self.register_buffer("factors", torch.eye(latent_dim).repeat(components, 1, 1))

    def fit(self, codes: Tensor, rng: Generator) -> None:
        """Fit to codes (N, latent); the one draw from ``rng`` seeds the mixture."""
        z = codes.double().cpu()
        centre = z.mean(0)
        # One scale for all directions: a ridge of 1e-6 then means the same for any codes.
        scale = (z - centre).std(correction=0).clamp(min=torch.finfo(torch.float32).tiny)
        z = (z - centre) / scale
        components = 1
        if self.kind == "gmm":
            components = min(len(self.weights), len(z.unique(dim=0)))
        seed = int(torch.randint(2**31, (), generator=rng, device=rng.device))
        weights, means, covariances = _normal(z) if components == 1 else _gmm(z, components, seed)
        for buffer, values in (
            (self.weights, weights),
            (self.means, means * scale + centre),
            (self.factors, torch.linalg.cholesky(covariances) * scale),
        ):
            buffer.zero_()
            buffer[:components] = values.to(buffer)

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Draw codes: (n, latent)."""
        which = torch.multinomial(self.weights, n, replacement=True, generator=rng)  # (n,)
        noise = torch.randn(
            n, self.means.shape[1], 1, generator=rng, device=self.means.device
        )  # (n, latent, 1)
        return self.means[which] + (self.factors[which] @ noise).squeeze(2)


def density_of(sampler: Sampler, latent_dim: int) -> CodeDensity | None:
    """The density that a ``sampler`` option asks for."""
    return None if sampler == "none" else CodeDensity(latent_dim, sampler)


def codes_of(train: Split, encode: Callable[[Tensor], Tensor]) -> Tensor:
    """The codes of a whole split: (N, latent)."""
    return torch.cat([encode(batch.x) for batch in train.batches(500)])


def _normal(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weight, mean and covariance of a single Gaussian, by moments."""
    mean = z.mean(0)
    covariance = (z - mean).T @ (z - mean) / len(z) + RIDGE * torch.eye(z.shape[1]).to(z)
    return torch.ones(1).to(z), mean[None], covariance[None]


def _gmm(z: Tensor, components: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Weights, means and covariances of a mixture with full covariances."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sklearn.mixture import GaussianMixture

        # Not k-means itself, whose threads add up in the order in which they come.
        mixture = GaussianMixture(
            components, reg_covar=RIDGE, init_params="k-means++", random_state=seed
        ).fit(z.numpy())
    return (
        torch.from_numpy(mixture.weights_),
        torch.from_numpy(mixture.means_),
        torch.from_numpy(mixture.covariances_),
    )
