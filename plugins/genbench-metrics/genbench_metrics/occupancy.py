"""How many cells a sample reaches, and by how much another sample of that size would differ."""

from __future__ import annotations

import math

from torch import Tensor

from genbench.contract import Measurement


def occupied(found: Tensor, cells: int, n: int) -> Measurement:
    """The number D of different cells in ``found``, with its standard error over samples.

    The smaller of two estimates of its variance:

    - F (1 - F/n), where F cells are reached once: the jackknife's, as leaving out an example loses
      a cell if it was alone in it (B. Efron and C. Stein, "The Jackknife Estimate of Variance",
      1981), less a factor of (n - 1)/n. It is not too small on average, but too large where most
      cells are reached;
    - (U + 1) D/cells, where U are not reached. U D/cells is what it would be if each cell were
      reached or not for itself, and where one is, others are if anything less likely to be
      (K. Joag-Dev and F. Proschan, "Negative Association of Random Variables with Applications",
      1983). The one more is for samples that reach all cells by luck, which would know no error.

    So it is 0 only where no cell was reached by a single example. The smaller of two estimates may
    be too small where neither is; of cells that are alike, or as unequal as 1 to 200, simulations
    found its root mean square from 1 to 1.7 times the standard deviation, but where nearly every
    sample reaches all cells, and that is a small part of a cell, up to 4 times.

    Args:
        found: the cells of those examples that are in any, int64 (m,).
        cells: how many there are.
        n: how many examples there are, m of which are in some cell.
    """
    _, times = found.unique(return_counts=True)
    reached, once = len(times), int((times == 1).sum())
    variance = min(once * (1 - once / n), (cells - reached + 1) * reached / cells)
    return Measurement(float(reached), math.sqrt(variance))
