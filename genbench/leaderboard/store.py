"""The files of the leaderboard: one immutable Parquet file a run, never a torn one.

A file is committed as temporary file, fsync, rename, fsync of the folder, so that no writer waits
for another and a reader sees a run's rows whole or not at all. Parquet's page checksums are on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from genbench.errors import StoreError
from genbench.files import replace_file
from genbench.leaderboard.schema import SCHEMA, VERSION, Row


def commit(folder: Path, rows: Sequence[Row]) -> Path:
    """Write the rows of one run to its file; rows of an earlier try are replaced, whole.

    Raises:
        StoreError: the file cannot be written (a full disk, say); what was there is unharmed.
    """
    run_ids = {row["run_id"] for row in rows}
    if len(run_ids) != 1:
        raise ValueError(f"a file of the leaderboard holds one run, not {sorted(run_ids)}")
    path = folder / f"{run_ids.pop()}.parquet"
    try:
        table = pa.Table.from_pylist(list(rows), schema=SCHEMA)
        with replace_file(path) as temporary:
            pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)
    except (OSError, pa.ArrowException, TypeError) as error:
        raise StoreError(f"The leaderboard file {path} cannot be written: {error}.") from error
    return path


def read(folder: Path, *, skipped: list[str] | None = None) -> pa.Table:
    """All rows of a leaderboard.

    Args:
        folder: of Parquet files; or one such file.
        skipped: None to raise for a file that cannot be read; a list to leave such files out and
            have the reasons appended to it.

    Raises:
        StoreError: no such folder, or a torn, truncated or foreign file; names the file.
    """
    if not folder.exists():
        raise StoreError(f"There is no leaderboard at {folder}. genbench run makes one.")
    tables = [SCHEMA.empty_table()]
    for path in sorted(folder.glob("*.parquet")) if folder.is_dir() else [folder]:
        try:
            tables.append(read_file(path))
        except StoreError as error:
            if skipped is None:
                raise
            skipped.append(str(error))
    return pa.concat_tables(tables)


def read_file(path: Path) -> pa.Table:
    """The rows of one file, checked.

    Raises:
        StoreError: it cannot be read, is damaged, or is not of this schema; names the file.
    """
    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
    # Damage shows as ArrowInvalid, OSError, and for some bytes as errors of decoding.
    except (pa.ArrowException, OSError, ValueError) as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StoreError(
            f"The leaderboard file {path} cannot be read: {cause} "
            "Delete it and run again, or leave it out with --skip-unreadable."
        ) from None
    version = (table.schema.metadata or {}).get(b"genbench.schema", b"none").decode()
    if version != str(VERSION):
        raise StoreError(
            f"The file {path} has leaderboard schema {version}; this genbench reads {VERSION}."
        )
    if not table.schema.equals(SCHEMA):
        raise StoreError(f"The file {path} is no leaderboard file: its columns differ.")
    return table


def rows_of(table: pa.Table) -> list[Row]:
    """A table's rows as plain data."""
    rows: list[Row] = table.to_pylist()
    return rows
