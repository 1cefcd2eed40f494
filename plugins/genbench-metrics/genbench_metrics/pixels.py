"""Originals and their reconstructions as pixels between 0 and 1, a few images at a time."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from genbench.contract import Evidence

CHUNK = 2**20
"""Numbers of originals in a block: what is made of them has several times their size."""


def blocks(evidence: Evidence) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs float64 (n, C, H, W) on the CPU: not every device has that type."""
    originals, reconstructions = evidence.originals, evidence.reconstructions
    rows = max(1, CHUNK // max(1, originals[:1].numel()))
    for x, y in zip(originals.split(rows), reconstructions.split(rows), strict=True):
        yield (x.cpu().double() + 1) / 2, (y.cpu().double() + 1) / 2
