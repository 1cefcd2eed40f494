"""Pixels as features."""

from __future__ import annotations

import torch
from torch import Tensor

VERSION = "pixels 1: uint8 / 127.5 - 1, flattened"
"""Its fingerprint: there are no weights."""


class Pixels:
    """Features (N, C H W) of uint8 images (N, C, H, W): their pixels, in [-1, 1], channel first.

    Distances are those of reconstruction errors, and exact copies are told from all else. They say
    little of what an image shows: one moved by a pixel is far from itself.
    """

    fingerprint = VERSION

    def to(self, device: torch.device) -> Pixels:
        """Nothing to move: features are where the images are."""
        return self

    def __call__(self, x: Tensor) -> Tensor:
        """Features float32 (N, C H W) of uint8 (N, C, H, W), on the device of x.

        Raises:
            ValueError: x is of another shape or dtype.
        """
        if x.dtype != torch.uint8 or x.ndim != 4:
            raise ValueError(
                f"pixels takes uint8 images of shape (N, C, H, W), "
                f"not {str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"
            )
        return x.flatten(1).float() / 127.5 - 1
