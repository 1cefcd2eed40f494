"""Balls around examples, as far as a neighbour: what some metrics take for a manifold."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from genbench.contract import Evidence
from genbench_metrics.distances import nearest


def radii(x: Tensor, k: int) -> Tensor:
    """Distance of each row of x (N, D) to its k-th nearest neighbour among the others: (N,)."""
    return nearest(x, x, k, themselves=True)[0][:, -1].contiguous()


def kept_radii(evidence: Evidence, of: Literal["real", "train"], k: int) -> Tensor:
    """`radii` of a split, made once for all models."""
    made = evidence.statistics(f"radii 2: k={k}", of, lambda x: {"radii": radii(x, k)})
    return made["radii"]
