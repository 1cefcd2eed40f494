"""Two blobs in the plane, without labels."""

from __future__ import annotations

import torch

from genbench.contract import Examples, Splits


class Points:
    """float32 (N, 2)."""

    classes = 0
    levels = None
    extractor = None

    def load(self) -> Splits:
        """Return 60, 30 and 30 points."""
        rng = torch.Generator().manual_seed(1)
        return Splits(*(Examples(draw(n, rng)) for n in (60, 30, 30)))


def draw(n: int, rng: torch.Generator) -> torch.Tensor:
    """n points, half of them around (1, 1), half around (-1, -1)."""
    centres = torch.tensor([[1.0, 1.0], [-1.0, -1.0]]).repeat(n // 2, 1)
    return centres + 0.2 * torch.randn(n, 2, generator=rng)
