"""The model that generates nothing: it gives back what it was shown."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from genbench.contract import DataSpec, Split


class Memorizer(nn.Module):
    """The empirical distribution: training examples, drawn with replacement.

    Every sample is a real image, so this is how good scores are for a model that learned its
    training split and nothing beyond it, and where a metric of memorisation must sound the alarm.
    """

    examples: Tensor

    def __init__(self, data: DataSpec) -> None:
        super().__init__()
        self.kind = data.kind
        # As at rest: a quarter of the memory, and of the checkpoint, that float32 images take.
        dtype = torch.uint8 if data.kind == "image" else torch.float32
        self.register_buffer("examples", torch.zeros(data.size, *data.shape, dtype=dtype))

    def fit(self, train: Split, rng: Generator) -> None:
        """Keep the training split."""
        self.examples.copy_(train.x)

    def sample(self, n: int, rng: Generator) -> Tensor:
        """Draw training examples with replacement: float32 (n, *shape)."""
        device = self.examples.device
        index = torch.randint(len(self.examples), (n,), generator=rng, device=device)  # (n,)
        x = self.examples[index].float()  # (n, *shape)
        return x / 127.5 - 1 if self.kind == "image" else x
