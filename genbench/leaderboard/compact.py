"""Compaction: many small parts become one, beside readers and writers, and beside death.

The gathered rows are published first, then the parts that held them are retired and deleted. Who
dies in between leaves rows twice, of which readers believe the run's own part; the next compaction
or repair ends what was begun.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from genbench.errors import StoreError
from genbench.leaderboard import disk, manifest, part


@dataclass(frozen=True)
class Compaction:
    """What a compaction did."""

    path: Path | None
    """The compacted part; None if there was nothing to do."""
    runs: int
    """How many runs' own parts went into it."""
    left: list[str]
    """Why some parts were left as they are, a message each."""


def compact(folder: Path) -> Compaction:
    """Gather the parts of single runs in one; damaged ones are left as they are.

    Raises:
        StoreError: there is no such leaderboard, or it cannot be written; no row is lost then.
    """
    if not folder.is_dir():
        raise StoreError(f"There is no leaderboard at {folder}. genbench run makes one.")
    try:
        with disk.locked(folder, exclusive=True):
            return _compact(folder)
    except OSError as error:
        raise StoreError(
            f"The leaderboard {folder} cannot be compacted: {error}. No row is lost; "
            "`genbench leaderboard verify` tells how it is."
        ) from error


def _compact(folder: Path) -> Compaction:
    disk.sweep(folder)
    names = disk.listing(folder)
    known = manifest.load(folder)
    parts: list[disk.Part] = []
    left: list[str] = []
    for name in names:
        try:
            parts.append(disk.read_named(folder / name, known))
        except StoreError as error:
            left.append(str(error))
    own = [found for found in parts if part.compacted_number(found.name) is None]
    target = _target(names, parts)
    if not own or (len(own) == 1 and isinstance(target, str)):
        return Compaction(None, 0, left)
    gathered = [found.table for found in own]
    if isinstance(target, disk.Part):
        runs = {run for found in own for run in found.runs}
        gathered.append(part.without(target.table, runs))
        target = target.name
    path = disk.publish(folder, target, pa.concat_tables(gathered).sort_by("run_id"))
    disk.withdraw(folder, own)
    disk.tidy(folder)
    return Compaction(path, len(own), left)


def _target(names: list[str], parts: list[disk.Part]) -> disk.Part | str:
    """The last compacted part, to go on with; the name of a new one where that is damaged."""
    there = disk.compacted(names)
    if not there:
        return part.name_of_compacted(1)
    last = next((found for found in parts if found.name == there[0]), None)
    return last or part.name_of_compacted((part.compacted_number(there[0]) or 0) + 1)
