"""A mixture of Gaussians with full covariances, fitted by expectation-maximisation.

A. P. Dempster, N. M. Laird and D. B. Rubin, "Maximum Likelihood from Incomplete Data via the EM
Algorithm", Journal of the Royal Statistical Society B 39(1), 1977. The iterations are those of
scikit-learn's ``GaussianMixture``, which begin from k-means.
"""

from __future__ import annotations

import math
import warnings
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor, nn

from genbench.contract import DataSpec, Split
from genbench_baselines.levels import dequantised, quantised
from genbench_baselines.moments import MAX_DIM, dimension

BLOCK = 1024
"""Examples whose likelihood is taken at once."""


class GMM(nn.Module):
    """p(x) = sum_k w_k N(x; mu_k, S_k + r v I)

    over the numbers of an example, pixels made continuous (`genbench_baselines.levels`). EM raises
    the likelihood of the training split until an iteration gains less than a thousandth of a nat
    per example, or 200 times; v is the mean variance of the data.

    A component has dim (dim + 3) / 2 numbers of its own, more than it has examples as a rule, so
    the regularisation r is what stands between it and the examples that it was fitted to. On the
    validation split of 8x8 digits, in nats per image, mean of three seeds:

        components     5     8    10    12    15    20
        r = 0.01    13.0  12.2   9.5   4.0  -5.3 -22.8
        r = 0.02    10.9  12.0  11.0   8.3   4.2  -3.5
        r = 0.05     6.0   8.3   8.9   8.3   7.7   6.1

    Samples are the better the more components there are. Points are many and their dimensions
    few: there r only keeps S_k from being singular.

    Args:
        data: images and points; all covariances together have at most 4096 x 4096 numbers, so ten
            components take examples of up to 1295 numbers, such as 1 x 28 x 28.
        components: how many Gaussians.
        regularisation: r; by default 0.02 for images and 1e-6 for points.
    """

    weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(
        self,
        data: DataSpec,
        *,
        components: Annotated[int, Ge(1)] = 10,
        regularisation: Annotated[float, Gt(0)] | None = None,
    ) -> None:
        super().__init__()
        dim = dimension(data)
        if components > data.size:
            raise ValueError(
                f"gmm cannot fit components={components} to the {data.size} training examples of "
                f"{data.name}"
            )
        if components * dim**2 > MAX_DIM**2:
            raise ValueError(
                f"gmm takes examples of up to {math.isqrt(MAX_DIM**2 // components)} numbers with "
                f"components={components}: {data.name} has shape {data.shape}, that is {dim} "
                f"numbers, which allows components={MAX_DIM**2 // dim**2} at most"
            )
        if regularisation is None:
            regularisation = 0.02 if data.kind == "image" else 1e-6
        self.data = data
        self.regularisation = regularisation
        self.register_buffer("weights", torch.full((components,), 1 / components))
        self.register_buffer("means", torch.zeros(components, dim))
        # Lower triangular: factors[k] factors[k]' is the covariance of component k.
        self.register_buffer("factors", torch.eye(dim).repeat(components, 1, 1))

    def fit(self, train: Split, rng: Generator) -> None:
        """Run EM on the training split, k-means seeded by ``rng``."""
        # The import takes a second: only who fits, pays.
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        x = dequantised(train, self.data, rng).cpu().double()  # (N, dim)
        variance = x.var(0, correction=0).mean().clamp(min=torch.finfo(torch.float64).eps)
        mixture = GaussianMixture(
            len(self.weights),
            covariance_type="full",
            reg_covar=float(self.regularisation * variance),
            max_iter=200,
            random_state=int(torch.randint(2**31, (), generator=rng, device=rng.device)),
        )
        with warnings.catch_warnings():
            # Fewer distinct examples than components, or an EM that would go on: both fit.
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit(x.numpy())
        self.weights.copy_(torch.from_numpy(mixture.weights_))
        self.means.copy_(torch.from_numpy(mixture.means_))
        self.factors.copy_(torch.linalg.cholesky(torch.from_numpy(mixture.covariances_)))

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Draw from the density: float32 (n, *shape), images of the levels that they can have."""
        device = self.means.device
        component = torch.multinomial(self.weights, n, replacement=True, generator=rng)  # (n,)
        x = torch.randn(n, self.means.shape[1], generator=rng, device=device)  # (n, dim)
        for k, (mean, factor) in enumerate(zip(self.means, self.factors, strict=True)):
            of_k = component == k
            x[of_k] = torch.addmm(mean, x[of_k], factor.T)
        return quantised(x, self.data).view(-1, *self.data.shape)

    def log_likelihood(self, x: Tensor, rng: Generator) -> Tensor:
        """log p(x) of x (N, *shape), made continuous: float32 (N,), nats."""
        blocks = [self._log_density(block) for block in x.flatten(1).double().split(BLOCK)]
        return torch.cat(blocks).float()

    def _log_density(self, x: Tensor) -> Tensor:
        terms = []
        for weight, mean, factor in zip(
            self.weights.double(), self.means.double(), self.factors, strict=True
        ):
            factor = factor.double()
            white = torch.linalg.solve_triangular(factor, (x - mean).T, upper=False)  # (dim, N)
            log_volume = factor.diagonal().log().sum() + len(mean) / 2 * math.log(2 * math.pi)
            terms.append(weight.log() - white.square().sum(0) / 2 - log_volume)
        return torch.logsumexp(torch.stack(terms), 0)  # (N,)
