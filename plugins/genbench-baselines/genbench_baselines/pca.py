"""Probabilistic principal component analysis, fitted in closed form.

Michael E. Tipping and Christopher M. Bishop, "Probabilistic Principal Component Analysis",
Journal of the Royal Statistical Society B 61(3), 1999; equation numbers are theirs.
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Generator, Tensor, nn

from genbench.contract import DataSpec, Split
from genbench_baselines.moments import dimension, moments


class PCA(nn.Module):
    """x = W z + mu + noise with z ~ N(0, I) and noise ~ N(0, sigma^2 I)        (2)

    The maximum of the likelihood is known: with the eigenvalues l_1 >= ... >= l_D of the sample
    covariance and the first q = ``latent_dim`` eigenvectors in U,

        W = U (L - sigma^2 I)^(1/2),    sigma^2 = mean of l_(q+1) ... l_D        (7), (8)

    where the rotation that (7) leaves open is the identity, so that latents are principal
    components. In these terms

    - ``sample`` draws from the whole density, noise included: without the noise it would be a
      density on a plane, and of another model;
    - ``encode`` is the posterior mean E[z|x] = M^-1 W' (x - mu), where M = W'W + sigma^2 I is L;
    - ``reconstruct`` is the orthogonal projection on the principal subspace, the linear map of
      rank q with the least squared error. W E[z|x] + mu is not: it shrinks towards the mean.
    """

    mean: Tensor
    components: Tensor
    variances: Tensor
    noise_variance: Tensor

    def __init__(self, data: DataSpec, *, latent_dim: Annotated[int, Ge(1)] = 8) -> None:
        super().__init__()
        dim = dimension(data)
        most = min(dim, data.size) - 1
        if not 1 <= latent_dim <= most:
            raise ValueError(
                f"latent_dim={latent_dim} is not possible: {data.size} examples of {dim} numbers "
                f"have from 1 to {most} principal components that leave some noise over"
            )
        self.shape = data.shape
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("components", torch.eye(latent_dim, dim))  # U', rows orthonormal
        self.register_buffer("variances", torch.ones(latent_dim))  # the diagonal of L
        self.register_buffer("noise_variance", torch.ones(()))  # sigma^2

    def fit(self, train: Split, rng: Generator) -> None:
        """Take the eigenvectors of the covariance of the training split."""
        mean, covariance = moments(train)
        eigenvalues, eigenvectors = torch.linalg.eigh(covariance)  # ascending, in columns
        # Rounding leaves eigenvalues that ought to be zero on either side of it.
        eigenvalues = eigenvalues.clamp(min=torch.finfo(torch.float32).tiny)
        latent_dim = len(self.components)
        components = eigenvectors[:, -latent_dim:].flip(1).T  # (latent, dim), largest first
        # Eigenvectors have no sign of their own, and LAPACK's choice differs between machines.
        largest = components.abs().argmax(1, keepdim=True)
        components = components * components.gather(1, largest).sign()
        self.mean.copy_(mean)
        self.components.copy_(components)
        self.variances.copy_(eigenvalues[-latent_dim:].flip(0))
        self.noise_variance.copy_(eigenvalues[:-latent_dim].mean())

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Draw from the density, noise included: float32 (n, *shape), not clipped."""
        device = self.mean.device
        z = torch.randn(n, len(self.components), generator=rng, device=device)  # (n, latent)
        noise = torch.randn(n, len(self.mean), generator=rng, device=device)  # (n, dim)
        x = torch.addmm(self.mean, z * self._scale(), self.components)  # (n, dim)
        return (x + self.noise_variance.sqrt() * noise).view(-1, *self.shape)

    def encode(self, x: Tensor) -> Tensor:
        """Posterior means E[z|x] of x (N, *shape): (N, latent)."""
        return self._project(x) * (self._scale() / self.variances)  # (N, latent)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Project x (N, *shape) on the principal subspace: like x."""
        return torch.addmm(self.mean, self._project(x), self.components).view(-1, *self.shape)

    def _project(self, x: Tensor) -> Tensor:
        return (x.flatten(1) - self.mean) @ self.components.T  # (N, latent)

    def _scale(self) -> Tensor:
        # Equal eigenvalues, rounded to float32 apart, may differ by less than nothing.
        return (self.variances - self.noise_variance).clamp(min=0).sqrt()  # (latent,)
