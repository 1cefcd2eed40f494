"""A denoising autoencoder: `AE`, trained on corrupted input.

Pascal Vincent, Hugo Larochelle, Yoshua Bengio and Pierre-Antoine Manzagol, "Extracting and
Composing Robust Features with Denoising Autoencoders", 2008; and, with Isabelle Lajoie, "Stacked
Denoising Autoencoders", Journal of Machine Learning Research 11, 2010.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from genbench.contract import Batch, DataSpec, Step
from genbench_autoencoders.ae import AE, check
from genbench_autoencoders.density import Sampler


class DenoisingAE(AE):
    """An `AE` that sees a corrupted x~ and is to give the clean x.

        minimise E[L(x, D(E(x~)))],  x~ ~ q(x~ | x)            (2008, equation 5; 2010, equation 8)

        gaussian    x~ = x + noise e,  e ~ N(0, I)
        masking     x~ = x, but each number is black (-1) with probability noise; in points, 0

    Corruption is for training alone. ``encode`` and ``reconstruct`` take x as it is, so they are
    deterministic, and the codes that a density is fitted to are those of clean examples.

    Where we differ: the papers train layer by layer, and their codes may be larger than the data,
    since corruption alone keeps them from the identity; ours is as narrow as `AE`'s by default.
    They mask a fixed number of inputs, we each one by chance. The 2010 paper goes with squared
    error for gaussian noise and with cross-entropy for masking; here ``cost`` is free. ``noise``
    is on the scale of [-1, 1], twice that of the papers' pixels.

    Args:
        data: images of any size, or points.
        latent_dim: numbers in a code; by default as in `AE`.
        width: units of a hidden layer.
        cost: mse, or bce for images.
        corruption: gaussian or masking.
        noise: the standard deviation, or the probability that a number is masked.
        lr: Adam's learning rate.
        sampler: the density that is fitted to codes so that there are samples; see `CodeDensity`.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] | None = None,
        width: Annotated[int, Ge(1)] = 128,
        cost: Literal["mse", "bce"] = "mse",
        corruption: Literal["gaussian", "masking"] = "gaussian",
        noise: Annotated[float, Ge(0)] = 0.25,
        lr: Annotated[float, Gt(0)] = 1e-3,
        sampler: Sampler = "none",
    ) -> None:
        check("denoising-ae", data, cost)
        if corruption == "masking" and noise > 1:
            raise ValueError(f"denoising-ae masks with a probability, not with noise={noise}")
        super().__init__(
            data, latent_dim=latent_dim, width=width, cost=cost, lr=lr, sampler=sampler
        )
        self.corruption = corruption
        self.noise = noise
        self.masked = -1.0 if data.kind == "image" else 0.0

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Reconstruct a clean batch from a corrupted one."""
        loss = self.distance(self.decoder(self.encode(self.corrupt(batch.x))), batch.x)
        step(autoencoder=loss)
        return {self.cost: loss}

    def corrupt(self, x: Tensor) -> Tensor:
        """Draw x~ for x (N, *shape), from the global stream: like x."""
        if self.corruption == "gaussian":
            return x + self.noise * torch.randn_like(x)
        return x.masked_fill(torch.rand_like(x) < self.noise, self.masked)
