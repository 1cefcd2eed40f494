from __future__ import annotations

from genbench_toys.corners import Places
from genbench_toys.squares import Squares


class Narrow(Places):
    tolerance = 0.01


class NarrowManifold(Squares):
    """FAULT: its own training examples are noisier than its manifold's tolerance."""

    manifold = Narrow()
