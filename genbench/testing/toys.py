"""The smallest model, data set and metric that make a run: what executors are tried with."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import mse_loss
from torch.optim import Optimizer

from genbench.contract import (
    Batch,
    DataSpec,
    Evidence,
    Measurement,
    Need,
    NotApplicable,
    Score,
    Splits,
    Step,
)
from genbench.testing import worlds


class Line(nn.Module):
    """Two linear layers and a little noise.

    Args:
        data: of any kind.
        fails: raise in the first train step.
    """

    def __init__(self, data: DataSpec, *, fails: bool = False) -> None:
        super().__init__()
        self.fails = fails
        size = torch.Size(data.shape).numel()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(size, 2))
        self.decoder = nn.Sequential(nn.Linear(2, size), nn.Unflatten(1, data.shape))

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for everything."""
        return {"line": torch.optim.Adam(self.parameters(), lr=1e-2)}

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        """Reconstruct what was seen, with noise on the code."""
        if self.fails:
            raise RuntimeError("raised on purpose, to see what becomes of the run")
        code = self.encoder(batch.x)
        loss = mse_loss(self.decoder(code + 0.1 * torch.randn_like(code)), batch.x)
        step(line=loss)
        return {"loss": loss}

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Decode normal noise."""
        x: Tensor = self.decoder(torch.randn(n, 2, generator=rng, device=rng.device))
        return x

    def reconstruct(self, x: Tensor) -> Tensor:
        """There and back."""
        reconstruction: Tensor = self.decoder(self.encoder(x))
        return reconstruction


class Spots:
    """Made-up grey images of 8x8."""

    classes = worlds.CLASSES
    levels = 256
    extractor = None

    def load(self) -> Splits:
        """As `genbench.testing.worlds` draws them."""
        return worlds.splits((1, 8, 8))


class Loss:
    """The loss, a squared error of reconstructions, and the brightness, the mean of samples."""

    version = "1"
    needs: tuple[Need, ...] = ("sample", "reconstruct")
    scores = (Score("loss", better="lower"), Score("brightness"))

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        """Both."""
        error = (evidence.originals - evidence.reconstructions).square().mean()
        return {"loss": float(error), "brightness": float(evidence.samples.float().mean())}
