"""A vector-quantised autoencoder with an autoregressive prior.

Aäron van den Oord, Oriol Vinyals and Koray Kavukcuoglu, "Neural Discrete Representation Learning",
2017.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le, Lt
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, embedding, mse_loss, one_hot, relu
from torch.optim import Adam, Optimizer

from genbench.contract import Batch, DataSpec, Step
from genbench_autoencoders.networks import check, convolutions, dense
from genbench_autoencoders.pixelcnn import GatedPixelCNN

FLOOR = 8
"""The longest side of a grid of codes, that of the paper at 32x32."""

SMOOTHING = 1e-5
"""Of cluster sizes, which would else be divided by when they are 0."""

DEAD = 0.1
"""A code with less than this part of its fair share of a batch is put somewhere else."""


class VQVAE(nn.Module):
    """Encoder E, a codebook e_1 ... e_K, decoder D, and a prior over grids of indices.

        z_e(x) = E(x)                            a vector at each place of a grid
        k(x) = argmin_j ||z_e(x) - e_j||         its index                             (equation 1)
        z_q(x) = e_k(x)                                                                (equation 2)

    Encoder and decoder minimise (equation 3, without its second term, see below)

        ||x - D(z_q)||^2 + commitment ||z_e - sg(e_k)||^2         each a mean over all its numbers

    where the decoder's gradient goes to z_e straight through, as if z_q were z_e, and sg stops
    gradients. Codes follow what is assigned to them as moving averages (appendix A.1), with n_i
    the number of z_e that are assigned to e_i in a batch:

        N_i <- g N_i + (1 - g) n_i,    m_i <- g m_i + (1 - g) sum z_e,    e_i = m_i / N_i

    The prior is a gated PixelCNN over the grid of indices, as in the paper. The paper trains it
    when the rest is done. Here it is trained at the same time, by an optimizer of its own, on
    indices, through which no gradient passes. What it is to learn moves until codes settle, so the
    autoencoder's learning rate falls to 0 over the budget, in a straight line.

    The size of the code is in bits: log2(K) for each place of the grid (``bits``). A square
    image is halved twice, as in the paper, and further until no side is longer than 8: 2x2 at 8x8,
    7x7 at 28x28, 8x8 at 32x32 (as in the paper) and at 64x64. With K = 512, 9 bits for each place,
    that is 36, 441 and 576 bits. Points of D numbers have a row of D places. Compare with other
    models at equal bits, not at equal numbers: a code of eight float32 takes 256.

    Where we differ besides: N_i is smoothed, as in the authors' code, not in the paper. A code that
    has lost its vectors would stay where it is for ever; it is moved to one of the batch, as in
    Dhariwal et al., "Jukebox", 2020 — all of them at the first step. Features and the
    learning rate fit a budget of a few thousand steps: the paper has 256 and 2e-4 for 250,000.

    Args:
        data: images with sides from 8 to 64 pixels, grey or colour, square or not, or points.
        codes: K.
        code_dim: numbers in a code.
        width: channels at the resolution of the grid.
        commitment: beta in the paper.
        decay: g.
        lr: Adam's learning rate, for the autoencoder, at the start.
        prior_width: channels of the prior.
        prior_dropout: at the prior's end, against learning small data sets by heart.
        prior_lr: Adam's learning rate, for the prior.
    """

    codebook: Tensor
    cluster_sizes: Tensor
    cluster_sums: Tensor

    def __init__(
        self,
        data: DataSpec,
        *,
        codes: Annotated[int, Ge(2)] = 512,
        code_dim: Annotated[int, Ge(1)] = 16,
        width: Annotated[int, Ge(8)] = 64,
        commitment: Annotated[float, Ge(0)] = 0.25,
        decay: Annotated[float, Ge(0), Lt(1)] = 0.99,
        lr: Annotated[float, Gt(0)] = 1e-3,
        prior_width: Annotated[int, Ge(1)] = 64,
        prior_dropout: Annotated[float, Ge(0), Le(1)] = 0.0,
        prior_lr: Annotated[float, Gt(0)] = 1e-3,
    ) -> None:
        super().__init__()
        check("vq-vae", data)
        self.code_dim = code_dim
        self.commitment = commitment
        self.decay = decay
        self.lr = lr
        self.prior_lr = prior_lr

        if data.kind == "points":
            self.grid = (1, data.shape[0])
            lowest = width * data.shape[0]
            down = [*dense(*data.shape, 4 * width, lowest), nn.Unflatten(1, (width, *self.grid))]
            up = [nn.Flatten(), nn.ReLU(), *dense(lowest, 4 * width)]
            up.append(nn.Linear(4 * width, *data.shape))
        else:
            floor = min(FLOOR, -(-max(data.shape[1:]) // 4))
            down, (_, *sides), up = convolutions(data, width, floor)
            self.grid = (sides[0], sides[1])
            up.append(nn.Tanh())
        self.bits = math.prod(self.grid) * math.log2(codes)
        """In the code of one example."""
        self.encoder = nn.Sequential(
            *down, Residual(width), Residual(width), nn.Conv2d(width, code_dim, 1)
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(code_dim, width, 3, padding=1), Residual(width), Residual(width), *up
        )
        layers = max(2, *self.grid)  # so that it sees all of a grid
        self.prior = GatedPixelCNN(codes, prior_width, layers, prior_dropout)
        self.register_buffer("codebook", torch.randn(codes, code_dim))  # e
        self.register_buffer("cluster_sizes", torch.zeros(codes))  # N
        self.register_buffer("cluster_sums", torch.zeros(codes, code_dim))  # m

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for the autoencoder, one for the prior; the codebook moves by itself."""
        autoencoder = [*self.encoder.parameters(), *self.decoder.parameters()]
        self._adam = Adam(autoencoder, self.lr)
        return {"autoencoder": self._adam, "prior": Adam(self.prior.parameters(), self.prior_lr)}

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Update autoencoder and prior, then the codebook."""
        for group in self._adam.param_groups:
            group["lr"] = self.lr * (1 - step.progress)
        z_e = self.encoder(batch.x)  # (N, D, H, W)
        # In float32 also under autocast: the codebook is a sum over many steps.
        vectors = z_e.detach().float().permute(0, 2, 3, 1).flatten(0, 2)  # (N H W, D)
        self._revive(vectors)
        indices = self._nearest(z_e)  # (N, H, W)
        z_q = self._look_up(indices)  # (N, D, H, W)
        straight = z_e + (z_q - z_e).detach()  # the value of z_q, the gradient of z_e
        reconstruction = mse_loss(self.decoder(straight), batch.x)
        commitment = mse_loss(z_e, z_q)
        # Flat: of the loss of a grid there is no deterministic CUDA kernel.
        logits = self.prior(indices).movedim(1, 3).flatten(0, 2)  # (N H W, K)
        prior = cross_entropy(logits, indices.flatten())  # nats for each place
        step(autoencoder=reconstruction + self.commitment * commitment, prior=prior)
        shares = self._follow(vectors, indices.flatten())
        return {
            "reconstruction": reconstruction,
            "commitment": commitment,
            "prior": prior,
            "perplexity": torch.special.entr(shares).sum().exp(),
        }

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Draw indices from the prior and decode their codes: float32 (n, *shape)."""
        x: Tensor = self.decoder(self._look_up(self.prior.sample(n, self.grid, rng)))
        return x

    def encode(self, x: Tensor) -> Tensor:
        """Quantised codes z_q of x (N, *shape): (N, D H W)."""
        return self._quantise(x).flatten(1)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Decode the quantised codes of x (N, *shape): like x."""
        reconstruction: Tensor = self.decoder(self._quantise(x))
        return reconstruction

    def _quantise(self, x: Tensor) -> Tensor:
        return self._look_up(self._nearest(self.encoder(x)))

    def _nearest(self, z_e: Tensor) -> Tensor:
        """The index of the code next to each vector of (N, D, H, W): int64 (N, H, W)."""
        vectors = z_e.detach().permute(0, 2, 3, 1)  # (N, H, W, D)
        # ||z - e||^2 without ||z||^2, which is the same for all codes.
        distances = self.codebook.square().sum(1) - 2 * vectors @ self.codebook.T  # (N, H, W, K)
        return distances.argmin(3)

    def _look_up(self, indices: Tensor) -> Tensor:
        """The codes of indices (N, H, W): (N, D, H, W)."""
        return embedding(indices, self.codebook).permute(0, 3, 1, 2)

    @torch.no_grad()
    def _revive(self, vectors: Tensor) -> None:
        """Move codes that have lost theirs to vectors (M, D) of the batch, drawn by chance."""
        codes = len(self.codebook)
        fair = len(vectors) / codes
        drawn = vectors[torch.randint(len(vectors), (codes,), device=vectors.device)]  # (K, D)
        dead = self.cluster_sizes < DEAD * fair  # (K,)
        for buffer, fresh in (
            (self.codebook, drawn),
            (self.cluster_sums, fair * drawn),
            (self.cluster_sizes[:, None], torch.full_like(drawn[:, :1], fair)),
        ):
            buffer.copy_(torch.where(dead[:, None], fresh, buffer))

    @torch.no_grad()
    def _follow(self, vectors: Tensor, indices: Tensor) -> Tensor:
        """Move codes after the vectors (M, D) that have their index; the share of each: (K,)."""
        assigned = one_hot(indices, len(self.codebook)).to(vectors.dtype)  # (M, K)
        counts = assigned.sum(0)
        with torch.autocast(vectors.device.type, enabled=False):
            sums = assigned.T @ vectors  # (K, D)
        self.cluster_sizes.lerp_(counts, 1 - self.decay)
        self.cluster_sums.lerp_(sums, 1 - self.decay)
        total = self.cluster_sizes.sum()
        smoothed = (self.cluster_sizes + SMOOTHING) / (total + len(counts) * SMOOTHING) * total
        self.codebook.copy_(self.cluster_sums / smoothed[:, None])
        return counts / counts.sum()


class Residual(nn.Module):
    """The paper's residual block: ReLU, 3x3 convolution, ReLU, 1x1 convolution (section 4.1)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Conv2d(width, width, 3, padding=1)
        self.outer = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, width, H, W), like those that come in."""
        features: Tensor = x + self.outer(relu(self.inner(relu(x))))
        return features
