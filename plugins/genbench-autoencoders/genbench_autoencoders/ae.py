"""A dense autoencoder.

Geoffrey Hinton and Ruslan Salakhutdinov, "Reducing the Dimensionality of Data with Neural
Networks", Science 313, 2006.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Split, Step
from genbench_autoencoders.density import Sampler, codes_of, density_of
from genbench_autoencoders.networks import dense, is_image, is_points

LARGEST_CODE = 64


class AE(nn.Module):
    """Encoder E and decoder D that meet in a narrow code z = E(x), one hidden layer in each.

        x (N, *shape) -> width -> z (N, latent) -> width -> D(z) (N, *shape)

    trained to minimise, as a mean over all numbers,

        mse    (x - D(E(x)))^2
        bce    -p log q - (1 - p) log(1 - q),    p = (x + 1) / 2,  q = (D(E(x)) + 1) / 2

    The second is the cross-entropy of the paper (its supplement), for pixels between 0 and 1. An
    image comes out of logistic units, q = sigmoid(l), under either cost; a point out of linear
    ones, under mse.

    At 784 inputs the layers are 784-128-64-128-784. For smaller examples the code shrinks with
    them: an eighth of the inputs, 64 numbers at most and 1 at least, so 8 for 8x8 images. The
    hidden layers do not: what they hold is no narrower than the code, and 128 units cost little.

    Where we differ: the paper's networks are deeper, with logistic hidden units, and are built
    layer by layer from restricted Boltzmann machines before they are trained as a whole. Ours has
    ReLU, for which Adam needs no such start. Its code is linear, as in the paper.

    Args:
        data: images of any size, or points.
        latent_dim: numbers in a code; by default as above.
        width: units of a hidden layer.
        cost: mse, or bce for images.
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
        lr: Annotated[float, Gt(0)] = 1e-3,
        sampler: Sampler = "none",
    ) -> None:
        super().__init__()
        check("ae", data, cost)
        self.shape = data.shape
        self.logistic = data.kind == "image"
        self.cost = cost
        self.lr = lr
        inputs = math.prod(data.shape)
        self.latent_dim = latent_dim or min(LARGEST_CODE, max(1, inputs // 8))
        self.encoder = nn.Sequential(*dense(inputs, width), nn.Linear(width, self.latent_dim))
        self.decoder = nn.Sequential(*dense(self.latent_dim, width), nn.Linear(width, inputs))
        self.density = density_of(sampler, self.latent_dim)
        if self.density is None:
            self.sample = None  # type: ignore[method-assign, assignment]

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for all of it."""
        return {"autoencoder": Adam(self.parameters(), self.lr)}

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Reconstruct a batch."""
        loss = self.distance(self.decoder(self.encode(batch.x)), batch.x)
        step(autoencoder=loss)
        return {self.cost: loss}

    def distance(self, output: Tensor, x: Tensor) -> Tensor:
        """The cost of what the decoder's last layer gives (N, inputs) for x (N, *shape)."""
        if self.cost == "bce":
            return binary_cross_entropy_with_logits(output, (x.flatten(1) + 1) / 2)
        return mse_loss(self._shaped(output), x)

    def fit(self, train: Split, rng: Generator) -> None:
        """Fit the density of codes, if one was asked for."""
        if self.density is not None:
            self.density.fit(codes_of(train, self.encode), rng)

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Decode draws from the density of codes: float32 (n, *shape)."""
        assert self.density is not None
        return self.decode(self.density.sample(n, rng))

    def encode(self, x: Tensor) -> Tensor:
        """Codes of x (N, *shape): (N, latent)."""
        z: Tensor = self.encoder(x.flatten(1))
        return z

    def decode(self, z: Tensor) -> Tensor:
        """Examples of z (N, latent): float32 (N, *shape)."""
        return self._shaped(self.decoder(z))

    def reconstruct(self, x: Tensor) -> Tensor:
        """Decode the codes of x (N, *shape): like x."""
        return self.decode(self.encode(x))

    def _shaped(self, output: Tensor) -> Tensor:
        x = 2 * torch.sigmoid(output) - 1 if self.logistic else output
        return x.view(-1, *self.shape)


def check(model: str, data: DataSpec, cost: str) -> None:
    """See that a dense autoencoder can take the data.

    Raises:
        ValueError: neither images nor points, or a cross-entropy of points.
    """
    if not (is_image(data) or is_points(data)):
        raise ValueError(
            f"{model} takes images (C, H, W) and points (D,); {data.name} has {data.kind} of shape "
            f"{data.shape}"
        )
    if cost == "bce" and data.kind == "points":
        raise ValueError(
            f"{model} has cost=bce for images alone, whose pixels lie between two bounds; "
            f"{data.name} has points of shape {data.shape}"
        )
