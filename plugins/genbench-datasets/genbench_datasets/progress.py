"""How far a long wait has come: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

Advance = Callable[[int], None]


@contextlib.contextmanager
def bar(title: str, total: int, *, done: int = 0, in_bytes: bool = False) -> Iterator[Advance]:
    """Show a bar while the block lasts; call what it gives with what has come since.

    Args:
        title: what is being waited for.
        total: where it ends.
        done: where it begins.
        in_bytes: whether they are bytes; else they are things to be counted.
    """
    if not sys.stderr.isatty():
        yield lambda amount: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    counted = (DownloadColumn(), TransferSpeedColumn()) if in_bytes else (MofNCompleteColumn(),)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), *counted)
    with Progress(
        *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as shown:
        task = shown.add_task(title, total=total, completed=done)
        yield lambda amount: shown.advance(task, amount)
