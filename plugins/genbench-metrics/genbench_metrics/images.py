"""What an extractor for photographs takes."""

from __future__ import annotations

import torch
from torch import Tensor


def check_grey_or_colour(extractor: str, x: Tensor) -> None:
    """See that x is uint8 (N, 1 or 3, H, W).

    Raises:
        ValueError: it is not; names the extractor.
    """
    if x.dtype != torch.uint8 or x.ndim != 4 or x.shape[1] not in (1, 3) or 0 in x.shape[2:]:
        raise ValueError(
            f"{extractor} takes uint8 images of shape (N, 1 or 3, H, W), "
            f"not {str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"
        )
