"""Rows in and out of the leaderboard: the parts of runs, never torn, lost or counted twice.

A part is committed as temporary file, fsync, a line in the manifest, rename, fsync of the folder:
no writer waits for another, and a reader sees a run's rows whole or not at all. Readers hold every
byte to the manifest, so that what was damaged since is an error and never a wrong number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from genbench.errors import StoreError
from genbench.leaderboard import disk, manifest, part
from genbench.leaderboard.schema import SCHEMA, Row


def commit(folder: Path, rows: Sequence[Row]) -> Path:
    """Write the rows of one run; rows of an earlier try are replaced, whole.

    There is to be one writer for a run at a time; writers of different runs may be many.

    Returns:
        The part that holds them: the run's own, or the compacted one that held its earlier rows.

    Raises:
        StoreError: they cannot be written (a full disk, say); what was there is unharmed.
    """
    run_ids = {row["run_id"] for row in rows}
    if len(run_ids) != 1:
        raise ValueError(f"a part of the leaderboard holds one run, not {sorted(run_ids)}")
    (run_id,) = run_ids
    own = part.name_of_run(run_id)
    try:
        table = pa.Table.from_pylist(list(rows), schema=SCHEMA)
        with disk.locked(folder, exclusive=False):
            disk.sweep(folder, of=own)
            if _compacted(folder, run_id) is None:
                return disk.publish(folder, own, table)
        with disk.locked(folder, exclusive=True):
            # In the place of its earlier rows, in one step: a part of its own beside them would
            # be counted twice by readers other than this module.
            holder = _compacted(folder, run_id)
            if holder is None:
                return disk.publish(folder, own, table)
            disk.sweep(folder)
            others = part.without(holder.table, run_ids)
            path = disk.publish(folder, holder.name, pa.concat_tables([others, table]))
            disk.tidy(folder)
            return path
    except (OSError, pa.ArrowException, TypeError) as error:
        raise StoreError(f"The leaderboard file {folder / own} cannot be written: {error}.") from (
            error
        )


def _compacted(folder: Path, run_id: str) -> disk.Part | None:
    """The compacted part to write a run's rows to; None where they go into a part of their own."""
    if (folder / part.name_of_run(run_id)).exists():
        return None
    try:
        return disk.holder(folder, run_id)
    except StoreError:
        return None  # Damaged, and left as it is: a part of the run's own wins over it.


def read(folder: Path, *, skipped: list[str] | None = None) -> pa.Table:
    """All rows of a leaderboard, each run's once, also while others write and compact it.

    Args:
        folder: of Parquet files; or one such file.
        skipped: None to raise for a file that cannot be read; a list to leave such files out and
            have the reasons appended to it.

    Raises:
        StoreError: no such folder, or a torn, truncated, changed or foreign file; names the file.
    """
    if not folder.exists():
        raise StoreError(f"There is no leaderboard at {folder}. genbench run makes one.")
    if not folder.is_dir():
        try:
            return read_file(folder)
        except StoreError as error:
            if skipped is None:
                raise
            skipped.append(str(error))
            return SCHEMA.empty_table()
    while True:
        reasons: list[str] = []
        try:
            tables = _read_parts(folder, None if skipped is None else reasons)
        except FileNotFoundError:
            continue  # Compacted away since it was listed: its rows are elsewhere now.
        if skipped is not None:
            skipped += reasons
        return pa.concat_tables([SCHEMA.empty_table(), *tables])


def _read_parts(folder: Path, reasons: list[str] | None) -> list[pa.Table]:
    names = disk.listing(folder)
    known = manifest.load(folder)
    found: dict[str, pa.Table] = {}
    for name in names:
        try:
            found[name] = disk.read_named(folder / name, known).table
        except StoreError as error:
            if reasons is None:
                raise
            reasons.append(str(error))
    for reason in _missing(folder, names, known):
        if reasons is None:
            raise StoreError(reason)
        reasons.append(reason)
    winners = disk.compacted(found)
    # An own part that cannot be read still wins: the rows that it was to replace may be older.
    told = {Path(name).stem for name in names if part.compacted_number(name) is None}
    tables = [table for name, table in found.items() if name not in winners]
    for name in winners:
        tables.append(part.without(found[name], told))
        told |= set(part.runs_in(found[name]))
    return tables


def _missing(folder: Path, names: Collection[str], known: manifest.Manifest) -> list[str]:
    """What the manifest expects and nobody finds: a table without it would be silently wrong."""

    def absent(expected: Iterable[str]) -> list[str]:
        # One that is there by now was committed after the listing: it is the next reader's.
        return [name for name in expected if name not in names and not (folder / name).exists()]

    lost = absent(known.expected)
    if lost:  # or compacted since the manifest was read
        lost = [name for name in absent(manifest.load(folder).expected) if name in lost]
    return [
        f"The leaderboard file {folder / name} is missing: its manifest says that it was written. "
        "Put it back, or run again what it held; genbench leaderboard repair forgets it."
        for name in lost
    ]


def read_file(path: Path) -> pa.Table:
    """The rows of one file, checked against the manifest beside it where that lists it.

    Raises:
        StoreError: it cannot be read, is damaged, or is not of this schema; names the file.
    """
    try:
        return disk.read(path).table
    except FileNotFoundError:
        raise StoreError(f"There is no leaderboard file {path}.") from None


def read_run(folder: Path, run_id: str) -> pa.Table | None:
    """The rows of one run, from its own part or a compacted one; None where there are none.

    Raises:
        StoreError: the part that holds them is damaged; names the file.
    """
    try:
        return disk.read_named(folder / part.name_of_run(run_id)).table
    except FileNotFoundError:
        holder = disk.holder(folder, run_id)
        return part.only(holder.table, run_id) if holder else None


def rows_of(table: pa.Table) -> list[Row]:
    """A table's rows as plain data."""
    rows: list[Row] = table.to_pylist()
    return rows
