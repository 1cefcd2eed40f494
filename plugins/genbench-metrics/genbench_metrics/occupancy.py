"""How many cells a sample reaches, and by how much another sample of that size would differ."""

from __future__ import annotations

import math

from torch import Tensor

from genbench.contract import Measurement


def occupied(found: Tensor, cells: int, n: int) -> Measurement:
    """The number D of different cells in ``found``, with its standard error over samples.

    The smaller of two estimates of its variance, neither of which is too small on average:

    - F (1 - F/n), where F cells are reached once: the jackknife's, as leaving out an example loses
      a cell if it was alone in it (B. Efron and C. Stein, "The Jackknife Estimate of Variance",
      1981), less a factor of (n - 1)/n;
    - D (1 - D/cells), as if each cell were reached or not for itself: where one is, others are if
      anything less likely to be (K. Joag-Dev and F. Proschan, "Negative Association of Random
      Variables with Applications", 1983).

    Of cells that are alike the error is right where most are reached, and up to 1.6 times too
    large where examples are fewer.

    Args:
        found: the cells of those examples that are in any, int64 (m,).
        cells: how many there are.
        n: how many examples there are, m of which are in some cell.
    """
    _, times = found.unique(return_counts=True)
    reached, once = len(times), int((times == 1).sum())
    variance = min(once * (1 - once / n), reached * (1 - reached / cells))
    return Measurement(float(reached), math.sqrt(variance))
