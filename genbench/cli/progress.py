"""What a run looks like while it goes on: a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from genbench.cli.output import console, number
from genbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from rich.progress import TaskID


class Display(Protocol):
    """A context manager with hook implementations; what `display` gives."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Lines:
    """One plain line per event worth telling, on standard error."""

    def __init__(self) -> None:
        # Held on to: a run in this process sends what it prints to its log meanwhile.
        self._stream = sys.stderr

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @hookimpl
    def run_started(self, run_id: str) -> None:
        """Say which."""
        click.echo(f"{run_id}: started", file=self._stream)

    @hookimpl
    def evaluated(self, run_id: str, weights: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Say what was measured of the headline weights."""
        if weights == "average":
            click.echo(f"{run_id}: {_told(rows)}", file=self._stream)

    @hookimpl
    def run_ended(self, run_id: str, status: str, reason: str | None) -> None:
        """Say how."""
        click.echo(f"{run_id}: {status}{f' ({reason})' if reason else ''}", file=self._stream)


class Bar:
    """A bar for each run under way, with its losses and speed, and a line for each evaluation."""

    def __init__(self, runs: int) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column

        # Losses are as many as the model has: they take what is left of the line, the rest stays.
        rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        self._console = console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[speed]}", markup=False),
            TextColumn("{task.fields[losses]}", markup=False, table_column=rest),
            console=self._console,
            transient=True,
            expand=True,
        )
        self._waiting: TaskID | None = self._add("importing torch and the plugins")
        self._tasks: dict[str, TaskID] = {}
        self._runs = runs
        self._begun = 0
        self._seen: dict[str, tuple[int, float]] = {}

    def _add(self, description: str) -> TaskID:
        return self._progress.add_task(description, total=None, speed="", losses="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @hookimpl
    def run_started(self, run_id: str) -> None:
        """Name the run; its bar moves once training does."""
        if self._waiting is not None:
            self._progress.remove_task(self._waiting)
            self._waiting = None
        self._begun += 1
        place = f"[{self._begun}/{self._runs}] " if self._runs > 1 else ""
        self._tasks[run_id] = self._add(f"{place}{run_id}")

    @hookimpl
    def progressed(
        self, run_id: str, images: int, budget: int, losses: Mapping[str, float]
    ) -> None:
        """Move the bar."""
        now = time.monotonic()
        # A run that goes on where it stopped begins somewhere: its first report is no speed.
        seen_images, seen_at = self._seen.get(run_id, (images, now))
        speed = (images - seen_images) / max(now - seen_at, 1e-9)
        self._seen[run_id] = (images, now)
        shown = "  ".join(f"{name} {value:.3g}" for name, value in losses.items())
        self._progress.update(
            self._tasks[run_id],
            completed=images,
            total=budget,
            speed=f"{speed:,.0f} images/s" if speed else "",
            losses=shown,
        )

    @hookimpl
    def evaluated(self, run_id: str, weights: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Print what was measured of the headline weights above the bar."""
        if weights == "average":
            whose = f"{run_id}: " if self._runs > 1 else ""
            self._progress.console.print(f"{whose}{_told(rows)}", soft_wrap=True)
        # Evaluation is no training: the next speed counts from here.
        if run_id in self._seen:
            self._seen[run_id] = (self._seen[run_id][0], time.monotonic())

    @hookimpl
    def run_ended(self, run_id: str, status: str, reason: str | None) -> None:
        """Print how it ended, where that is news."""
        if run_id in self._tasks:
            self._progress.remove_task(self._tasks.pop(run_id))
        self._seen.pop(run_id, None)
        if status != "ok":
            self._progress.console.print(f"{run_id}: {status} ({reason})", soft_wrap=True)


class Silence:
    """Nothing at all."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def display(*, quiet: bool, runs: int) -> Display:
    """The display that fits: silence, a bar on a terminal, lines elsewhere.

    Args:
        quiet: silence.
        runs: how many there will be.
    """
    if quiet:
        return Silence()
    return Bar(runs) if console(stderr=True).is_terminal else Lines()


def _told(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "evaluated"
    from genbench.leaderboard.schema import SAMPLE_RANGE

    first = rows[0]
    scores = "  ".join(
        f"{row['score']} {number(row['value'])}"
        for row in rows
        if row["value"] is not None
        and row["better"]
        and not row["hardware"]
        # Its good news is no news.
        and not (row["metric"] == SAMPLE_RANGE and row["value"] == 0)
    )
    return f"{first['split']} at {first['images']:,} images: {scores or 'no score applies'}"
