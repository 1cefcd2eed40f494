"""Bounds of many squared distances at once, from a matrix product.

|x|^2 + |y|^2 - 2 x.y rounds what nearly cancels. By how much at most is known: an inner product of
D terms is off by no more than D u / (1 - D u) of the sum of their sizes, whatever the order of its
sums (N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from genbench_metrics.precision import whole_products

SOME = 1024
"""Rows that the middle is taken from, or up to twice as many."""

PART = 256
"""Rows whose lengths are taken at once."""


@dataclass(frozen=True)
class Frame:
    """Where products are taken: around the middle, where less cancels, and at a size of one.

    Distances do not change with the middle, and exactly by ``scale``, as it is a power of two.
    """

    centre: Tensor
    """float32 (D,), scaled."""
    scale: float
    """What features are multiplied by."""

    @classmethod
    def around(cls, x: Tensor, y: Tensor) -> Frame:
        """Of finite float32 (N, D) and (M, D)."""
        reach = max((t.abs().item() for s in (x, y) if s.numel() for t in s.aminmax()), default=0.0)
        exponent = int(torch.frexp(torch.tensor(reach)).exponent)
        scale = 2.0 ** -min(max(exponent, -126), 126)
        some = y[:: max(1, len(y) // SOME)]
        # Not the mean: one example that has gone far off would take it along, and all others would
        # cancel. Of those that have not, no mean square is more than twice that about the mean.
        centre = some.median(0).values if len(some) else some.new_zeros(y.shape[1])
        return cls((centre.double() * scale).float(), scale)

    def left(self, x: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """What a product with `right` needs of rows x (R, D), and their slack (R,)."""
        rows, least, slack = self._moved(x, dtype)
        rows[:, -2], rows[:, -1] = least, 1
        return rows, slack

    def right(self, y: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """The same of rows y (C, D) for the other side."""
        rows, least, slack = self._moved(y, dtype)
        rows[:, :-2] *= -2
        rows[:, -2], rows[:, -1] = 1, least
        return rows, slack

    def _moved(self, x: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        """Rows x (R, D) moved there, with two columns more; squared lengths; slack.

        The error of a squared distance is at most the sum of a part for either end. In units of u
        and of its squared length that is 4 for moving, 2 for the length, and 2 D + 4 for the
        product, whose terms are at most twice as large together; the rest is for
        `distances.between`. Lengths have it taken off, so that a distance is one too small by as
        much as it may be off, and the slack is what makes it too large by as much: twice.
        """
        rows = torch.empty(len(x), x.shape[1] + 2, dtype=dtype)
        moved = rows[:, :-2]
        moved.copy_(x).mul_(self.scale).sub_(self.centre)
        # part by part: squares, and their float64, are three times as large as what they are of
        length = torch.cat(
            [part.square().sum(1, dtype=torch.float64) for part in moved.split(PART)]
        )
        unit = torch.finfo(dtype).eps / 2
        # what is too small for the dtype is lost altogether, so there is an end to being relative
        lost = 2.0**6 * torch.finfo(dtype).tiny
        error = (2 * x.shape[1] + 32) * (unit * length + lost)
        return rows, length - error, 2 * error


def least(left: Tensor, right: Tensor) -> Tensor:
    """The least that squared distances (R, C) may be, scaled; of `Frame.left` and `Frame.right`.

    The most is larger by the slack of both ends.
    """
    with whole_products():
        return left @ right.T
