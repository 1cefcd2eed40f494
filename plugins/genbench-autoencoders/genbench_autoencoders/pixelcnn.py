"""An autoregressive density of a grid of symbols.

Aäron van den Oord, Nal Kalchbrenner, Oriol Vinyals, Lasse Espeholt, Alex Graves and Koray
Kavukcuoglu, "Conditional Image Generation with PixelCNN Decoders", 2016: the gated PixelCNN.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import pad

ROWS, COLUMNS = 2, 3
"""Of the kernel over the rows above; the one along the row has two columns."""


class GatedPixelCNN(nn.Module):
    """p(s) = prod_i p(s_i | s_1 ... s_(i-1)), row by row, each row from left to right.

    A stack for all rows above and one for what is to the left in the same row, which sees the
    first: together they see everything before and nothing else (section 2.3, figure 2). In every
    layer both are gated (equation 2),

        y = tanh(W_f * x) sigmoid(W_g * x)

    and the one along the row has a residual connection.

    Args:
        symbols: how many there are.
        width: channels of each stack.
        layers: of both stacks; the first does not see s_i itself.
        dropout: of the features from which a symbol is told.
    """

    def __init__(self, symbols: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, width)
        self.above = nn.ModuleList(
            nn.Conv2d(width, 2 * width, (ROWS, COLUMNS)) for _ in range(layers)
        )
        self.left = nn.ModuleList(nn.Conv2d(width, 2 * width, (1, 2)) for _ in range(layers))
        self.across = nn.ModuleList(nn.Conv2d(2 * width, 2 * width, 1) for _ in range(layers))
        self.out = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(layers))
        self.logits = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(width, width, 1),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv2d(width, symbols, 1),
        )

    def forward(self, s: Tensor) -> Tensor:
        """Logits of every symbol, given those before it, for s int64 (N, H, W): (N, K, H, W)."""
        x = self.embedding(s).permute(0, 3, 1, 2)  # (N, width, H, W)
        down = row = x
        for i, (above, left, across, out) in enumerate(
            zip(self.above, self.left, self.across, self.out, strict=True)
        ):
            # The first layer is moved down by a row: what it sees ends in the row above.
            high = down[:, :, :-1] if i == 0 else down
            seen = above(
                pad(high, (COLUMNS // 2, COLUMNS // 2, ROWS - (i > 0), 0))
            )  # (N, 2 width, H, W)
            # And along the row it is moved by a column.
            before = row[:, :, :, :-1] if i == 0 else row
            along = left(pad(before, (2 - (i > 0), 0, 0, 0))) + across(seen)
            down = _gated(seen)
            gated = out(_gated(along))
            row = gated if i == 0 else row + gated
        logits: Tensor = self.logits(row)
        return logits

    def sample(self, n: int, shape: Sequence[int], rng: Generator) -> Tensor:
        """Draw n grids of a shape (H, W), symbol by symbol: int64 (n, H, W)."""
        height, width = shape
        s = torch.zeros(n, height, width, dtype=torch.int64, device=rng.device)
        for i in range(height):
            for j in range(width):
                # Nothing below row i is looked at.
                chances = self(s[:, : i + 1])[:, :, i, j].softmax(1)  # (n, K)
                s[:, i, j] = torch.multinomial(chances, 1, generator=rng)[:, 0]
        return s


def _gated(x: Tensor) -> Tensor:
    features, gate = x.chunk(2, dim=1)
    return torch.tanh(features) * torch.sigmoid(gate)
