"""Points as their own features."""

from __future__ import annotations

import torch
from torch import Tensor

VERSION = "identity 1"
"""Its fingerprint: there are no weights."""


class Identity:
    """Features (N, D) that are the points themselves, float32 (N, D).

    For synthetic data in a few dimensions, where distances mean what they are. Images have no
    such features: their pixels have an extractor of their own.
    """

    fingerprint = VERSION

    def to(self, device: torch.device) -> Identity:
        """Nothing to move: features stay where the points are."""
        return self

    def __call__(self, x: Tensor) -> Tensor:
        """Features float32 (N, D) of float32 (N, D).

        Raises:
            ValueError: x is of another shape or dtype.
        """
        if x.dtype != torch.float32 or x.ndim != 2:
            raise ValueError(
                f"identity takes points, float32 of shape (N, D), "
                f"not {str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"
            )
        return x
