from __future__ import annotations

from genbench_toys.distance import Distance

from genbench.contract import Need


class UndeclaredNeed(Distance):
    """FAULT: it measures features of samples, and says that it needs samples only."""

    needs: tuple[Need, ...] = ("sample",)
