"""The hooks: what a plugin may listen to while a run goes on.

A module named by an entry point of the group ``genbench`` implements any of them with
``genbench.hookimpl``. Hooks run in the process of the run. One that raises is named in the log and
heard no more; the run goes on. The core's own sample grid, curve and progress use the same door.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from genbench.contract import Evidence

PROJECT = "genbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def run_started(run_id: str, folder: Path, spec: Mapping[str, Any]) -> None:
    """A run begins in ``folder``; ``spec`` is its `genbench.plan.RunSpec` as plain data."""


@hookspec
def progressed(run_id: str, images: int, budget: int, losses: Mapping[str, float]) -> None:
    """Called once in a while: images charged so far, of the budget, and the latest losses."""


@hookspec
def evaluated(
    run_id: str,
    folder: Path,
    fraction: float,
    weights: str,
    evidence: Evidence,
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """One evaluation is done: ``rows`` as `genbench.leaderboard.schema` describes them.

    ``fraction`` is the share of the budget spent; ``evidence`` still holds what was drawn.
    """


@hookspec
def run_ended(run_id: str, folder: Path, status: str, reason: str | None) -> None:
    """The run is over; ``status`` as in `genbench.leaderboard.schema.STATUSES`."""
