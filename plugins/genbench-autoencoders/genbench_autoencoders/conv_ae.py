"""A convolutional autoencoder.

Jonathan Masci, Ueli Meier, Dan Cireşan and Jürgen Schmidhuber, "Stacked Convolutional
Auto-Encoders for Hierarchical Feature Extraction", 2011.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

from annotated_types import Ge, Gt
from torch import Generator, Tensor, nn
from torch.nn.functional import mse_loss
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Split, Step
from genbench_autoencoders.density import Sampler, codes_of, density_of
from genbench_autoencoders.networks import check, convolutions

FLOOR = 4
"""The longest side of an image when its convolutions are through."""


class ConvAE(nn.Module):
    """Convolutions down to 4x4 and a linear code; transposed convolutions back up.

        x (N, C, H, W) -> halved until no side is longer than 4 -> width -> z (N, latent)
        z -> width -> the same way back -> tanh -> (N, C, H, W)

    minimises the mean of (x - D(E(x)))^2 over all numbers, the paper's equation 2 but for a
    constant factor.

    Where we differ, all of it what has become usual since (Radford et al., "Unsupervised
    Representation Learning with Deep Convolutional Generative Adversarial Networks", 2016): strided
    convolutions in place of max-pooling, transposed ones for the way back in place of flipped
    kernels of the encoder, ReLU in place of tanh within, and all layers are trained at once, not
    one upon the other. The paper's code is a feature map; ours is a vector, so that its size can
    be chosen and compared. There is no batch normalisation (see `genbench_autoencoders.networks`).

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, square or not.
        latent_dim: numbers in a code.
        channels: of the convolution at the lowest resolution; half as many at each one above.
        width: units of the dense layer on either side of the code.
        lr: Adam's learning rate.
        sampler: the density that is fitted to codes so that there are samples; see `CodeDensity`.
    """

    def __init__(
        self,
        data: DataSpec,
        *,
        latent_dim: Annotated[int, Ge(1)] = 8,
        channels: Annotated[int, Ge(8)] = 64,
        width: Annotated[int, Ge(1)] = 128,
        lr: Annotated[float, Gt(0)] = 1e-3,
        sampler: Sampler = "none",
    ) -> None:
        super().__init__()
        check("conv-ae", data, points=False)
        self.lr = lr
        down, shape, up = convolutions(data, channels, FLOOR)
        lowest = math.prod(shape)
        self.encoder = nn.Sequential(
            *down, nn.Flatten(), nn.Linear(lowest, width), nn.ReLU(), nn.Linear(width, latent_dim)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, width),
            nn.ReLU(),
            nn.Linear(width, lowest),
            nn.Unflatten(1, shape),
            *up,
            nn.Tanh(),
        )
        self.density = density_of(sampler, latent_dim)
        if self.density is None:
            self.sample = None  # type: ignore[method-assign, assignment]

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for all of it."""
        return {"autoencoder": Adam(self.parameters(), self.lr)}

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Reconstruct a batch."""
        loss = mse_loss(self.reconstruct(batch.x), batch.x)
        step(autoencoder=loss)
        return {"mse": loss}

    def fit(self, train: Split, rng: Generator) -> None:
        """Fit the density of codes, if one was asked for."""
        if self.density is not None:
            self.density.fit(codes_of(train, self.encode), rng)

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Decode draws from the density of codes: float32 (n, *shape)."""
        assert self.density is not None
        x: Tensor = self.decoder(self.density.sample(n, rng))
        return x

    def encode(self, x: Tensor) -> Tensor:
        """Codes of x (N, C, H, W): (N, latent)."""
        z: Tensor = self.encoder(x)
        return z

    def reconstruct(self, x: Tensor) -> Tensor:
        """Decode the codes of x (N, C, H, W): like x."""
        reconstruction: Tensor = self.decoder(self.encode(x))
        return reconstruction
