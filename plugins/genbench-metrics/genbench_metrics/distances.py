"""Euclidean distances between large sets of features: by blocks, fast, and exact where it counts.

A matrix product is the fast way to many distances, but it rounds what nearly cancels: a point
comes out apart from itself, and which of two neighbours is nearer may depend on the size of a
block. So the product only screens (`screening`), in float32 and, where that leaves much open, in
float64, and what its error leaves open then is decided by `between`, pair by pair. Results do not
depend on blocks, order or threads.

What is in memory beside the features is a few blocks of distances and operands, however many
examples there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from genbench_metrics.screening import Frame, least

ROWS, COLUMNS = 2048, 2048
"""Of a block: 16 MiB of float32."""

SPARE = 6
"""Neighbours that are looked at beyond those asked for: what is none of them must be farther."""

PAIRS = 2**18
"""Numbers that `between` takes at once."""

STRIP = 256
"""Rows that are looked at pair by pair at once, so that no list of pairs is as large as a block."""

DENSE = 32
"""Where one cell in so many is open, a product in float64 is quicker than pair by pair."""


def between(x: Tensor, i: Tensor, y: Tensor, j: Tensor) -> Tensor:
    """Distances float64 (P,) of rows ``i`` of float32 x (N, D) to rows ``j`` of y (M, D).

    Differences are taken in float64: 0 exactly for what is identical, and otherwise right to about
    D times 1e-16. The same two examples always have the same distance, in either order.
    """
    step = max(1, PAIRS // max(1, x.shape[1]))
    parts = [
        # a batch of pairs: how a plain sum is divided may depend on how many rows there are
        torch.cdist(
            x[some_i].double()[:, None],
            y[some_j].double()[:, None],
            compute_mode="donot_use_mm_for_euclid_dist",
        ).flatten()
        for some_i, some_j in zip(i.split(step), j.split(step), strict=True)
    ]
    return torch.cat(parts)


def nearest(x: Tensor, among: Tensor, k: int, *, themselves: bool = False) -> tuple[Tensor, Tensor]:
    """The ``k`` nearest neighbours of each row.

    Args:
        x: float32 (N, D), finite.
        among: float32 (M, D), finite.
        k: from 1 to M, or to M - 1 with ``themselves``.
        themselves: ``among`` is ``x``, and no row is its own neighbour.

    Returns:
        Distances float64 (N, k), rising, and which rows of ``among`` they are to, int64 (N, k).

    Raises:
        ValueError: there are fewer than ``k`` to choose from.
    """
    others = len(among) - themselves
    if not 1 <= k <= others:
        raise ValueError(f"{k} nearest neighbours of each were asked for, among {others}")
    distances = torch.empty(len(x), k, dtype=torch.float64)
    indices = torch.empty(len(x), k, dtype=torch.int64)
    frame = Frame.around(x, among)
    doubtful = torch.arange(len(x))
    for dtype in (torch.float32, torch.float64):
        left = []
        for rows in doubtful.split(ROWS):
            distances[rows], indices[rows], proven = _nearest(
                x[rows], among, k, frame, dtype, rows if themselves else None
            )
            left.append(rows[~proven])
        doubtful = torch.cat([doubtful[:0], *left])
    # As good as tied, or with an end so far out that no product can tell: every distance that may
    # be among the least is taken for itself.
    for rows in doubtful.split(STRIP):
        distances[rows], indices[rows] = _settled(
            x[rows], among, k, frame, distances[rows, -1:], rows if themselves else None
        )
    return distances, indices


def _nearest(
    x: Tensor, among: Tensor, k: int, frame: Frame, dtype: torch.dtype, own: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """`nearest` of a few rows, and for which of them screening in ``dtype`` proves it."""
    others = len(among) - (own is not None)
    wanted = min(k + SPARE, others)
    low = torch.empty(len(x), 0, dtype=dtype)
    which = torch.empty(len(x), 0, dtype=torch.int64)
    for block in blocks(x, among, frame, dtype):
        if own is not None:
            block.leave_out(own)
        best = block.low.topk(min(wanted, block.low.shape[1]), largest=False, sorted=False)
        low = torch.cat([low, best.values], 1)
        which = torch.cat([which, best.indices + block.columns.start], 1)
        if low.shape[1] > wanted:
            best = low.topk(wanted, largest=False, sorted=False)
            low, which = best.values, which.gather(1, best.indices)
    which = which.sort(1).values  # so that what is equally far comes in the order of its rows
    rows = torch.arange(len(x)).repeat_interleave(wanted)
    exact = between(x, rows, among, which.flatten()).view(-1, wanted)
    by_distance = exact.sort(dim=1, stable=True)
    found, which = by_distance.values[:, :k], which.gather(1, by_distance.indices[:, :k])
    # everything else is at least this far
    beyond = low.amax(1).double().clamp(min=0).sqrt() / frame.scale
    proven = (found[:, -1] < beyond) | (found[:, -1] == 0)
    return found, which, proven if wanted < others else torch.ones_like(proven)


def _settled(
    x: Tensor, among: Tensor, k: int, frame: Frame, reach: Tensor, own: Tensor | None
) -> tuple[Tensor, Tensor]:
    """`nearest` of a few rows, none of whose ``k`` is farther than ``reach`` (R, 1)."""
    found = torch.full((len(x), k), torch.inf, dtype=torch.float64)
    which = torch.zeros(len(x), k, dtype=torch.int64)
    for block in blocks(x, among, frame, torch.float64):
        if own is not None:
            block.leave_out(own)
        i, j = (block.low <= block.most(reach)).nonzero().T
        exact = torch.full(block.low.shape, torch.inf, dtype=torch.float64)
        exact[i, j] = between(x, i, block.y, j)
        columns = torch.arange(block.columns.start, block.columns.stop).expand(len(x), -1)
        # stable: what is equally far comes in the order of its rows
        best = torch.cat([found, exact], 1).sort(dim=1, stable=True)
        which = torch.cat([which, columns], 1).gather(1, best.indices[:, :k])
        found = best.values[:, :k].contiguous()
    return found, which


def sweep(x: Tensor, y: Tensor) -> Iterator[Block]:
    """All distances between finite float32 x (N, D) and y (M, D), block by block."""
    frame = Frame.around(x, y)
    for start in range(0, len(x), ROWS):
        yield from blocks(x[start : start + ROWS], y, frame, torch.float32, start)


def blocks(
    x: Tensor, y: Tensor, frame: Frame, dtype: torch.dtype, start: int = 0
) -> Iterator[Block]:
    """Those of a few rows, of which the first is row ``start``, with all of y."""
    left, left_slack = frame.left(x, dtype)
    for column in range(0, len(y), COLUMNS):
        part = y[column : column + COLUMNS]
        right, right_slack = frame.right(part, dtype)
        yield Block(
            x=x,
            y=part,
            rows=slice(start, start + len(x)),
            columns=slice(column, column + len(part)),
            frame=frame,
            low=least(left, right),
            slack=(left_slack, right_slack),
        )


@dataclass
class Block:
    """The distances between some rows of x and some of y."""

    x: Tensor
    """float32 (R, D)."""
    y: Tensor
    """float32 (C, D)."""
    rows: slice
    """Of all of x."""
    columns: slice
    """Of all of y."""
    frame: Frame
    low: Tensor
    """(R, C): the least that the squared distances may be, scaled."""
    slack: tuple[Tensor, Tensor]
    """(R,) and (C,), whose sum is what to add for the most."""

    def leave_out(self, own: Tensor) -> None:
        """Put out of reach the pairs of ``own[i]``, which row i is, with the same row of y."""
        here = (own >= self.columns.start) & (own < self.columns.stop)
        self.low[here.nonzero().flatten(), own[here] - self.columns.start] = torch.inf

    def most(self, radii: Tensor) -> Tensor:
        """What ``low`` is above only where a distance is surely above the radius, like radii."""
        squared = (radii * self.frame.scale).square()
        return (squared * (1 + self._rounding)).to(self.low.dtype)

    @property
    def _rounding(self) -> float:
        """More than a squared radius and a sum of bounds are rounded by, relative to them."""
        return 4 * torch.finfo(self.low.dtype).eps

    def within(self, radii: Tensor, *, closed: bool) -> Tensor:
        """Which pairs are no farther apart than a radius: bool (R, C).

        Args:
            radii: float64, (R, 1) for one of each row, or (1, C) for one of each column.
            closed: whether a distance that is the radius itself counts.
        """
        inside = torch.zeros(self.low.shape, dtype=torch.bool)
        surely = (radii * self.frame.scale).square() * (1 - self._rounding)
        possible = self.low <= self.most(radii)
        opened = 0
        for start in range(0, len(self.low), STRIP):
            i, j = possible[start : start + STRIP].nonzero().T
            i = i + start
            high = self.low[i, j].double() + self.slack[0][i] + self.slack[1][j]
            cell = i if radii.shape[1] == 1 else j
            proven = high < surely.flatten()[cell]
            inside[i[proven], j[proven]] = True
            i, j, cell = i[~proven], j[~proven], cell[~proven]
            opened += len(i)
            if opened * DENSE > self.low.numel() and self.low.dtype == torch.float32:
                (finer,) = blocks(self.x, self.y, self.frame, torch.float64)
                return finer.within(radii, closed=closed)
            exact, radius = between(self.x, i, self.y, j), radii.flatten()[cell]
            inside[i, j] = exact <= radius if closed else exact < radius
        return inside
