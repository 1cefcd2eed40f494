"""Draws ``samples.png``: a grid of samples; reconstructions beside their originals."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from genbench.contract import Evidence, has
from genbench.data import to_rest
from genbench.folder import RunFolder
from genbench.hookspecs import hookimpl

COLUMNS = 10
ROWS = 10
GAP = 2
"""Grey pixels between images, before enlarging."""
WIDTH = 800
"""Of the picture, about, in pixels: small images are enlarged by a whole factor."""


EVERY_SECONDS = 5
"""How often a picture is drawn at most, the final one aside."""


class SampleGrid:
    """Keeps the picture of the final evaluation of the headline weights, and one on the way."""

    def __init__(self) -> None:
        self._drawn_at = time.monotonic()

    @hookimpl
    def evaluated(
        self, folder: Path, weights: str, evidence: Evidence, rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """Draw what this evaluation has; models of points have no picture."""
        if weights != "average" or evidence.data.kind != "image":
            return
        final = any(row["split"] == "test" for row in rows)
        if not final and time.monotonic() - self._drawn_at < EVERY_SECONDS:
            return
        self._drawn_at = time.monotonic()
        parts = []
        if has(evidence.model, "sample"):
            parts.append(evidence.samples[: COLUMNS * ROWS].cpu())
        if has(evidence.model, "reconstruct"):
            pairs = []
            for start in range(0, min(2 * COLUMNS, len(evidence.originals)), COLUMNS):
                pairs.append(evidence.originals[start : start + COLUMNS])
                pairs.append(evidence.reconstructions[start : start + COLUMNS])
            parts.append(to_rest(torch.cat(pairs)).cpu())
        if parts:
            draw(parts).save(RunFolder(folder).samples)


def draw(parts: list[Tensor]) -> Image.Image:
    """Grids of uint8 (N, C, H, W) images below one another, one or three channels."""
    grids = [_grid(part) for part in parts]
    gap = torch.full((4 * GAP, grids[0].shape[1], grids[0].shape[2]), 255, dtype=torch.uint8)
    stacked = [item for grid in grids for item in (grid, gap)][:-1]
    picture = torch.cat(stacked).numpy()
    image = Image.fromarray(picture if picture.shape[2] == 3 else picture[:, :, 0])
    factor = max(1, WIDTH // image.width)
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def _grid(x: Tensor) -> Tensor:
    n, channels, height, width = x.shape
    shown = 3 if channels == 3 else 1
    rows = math.ceil(n / COLUMNS)
    cell_height, cell_width = height + GAP, width + GAP
    grid = torch.full(
        (rows * cell_height + GAP, COLUMNS * cell_width + GAP, shown), 128, dtype=torch.uint8
    )
    for position, image in enumerate(x):
        row, column = divmod(position, COLUMNS)
        top, left = row * cell_height + GAP, column * cell_width + GAP
        grid[top : top + height, left : left + width] = image[:shown].permute(1, 2, 0)
    return grid
