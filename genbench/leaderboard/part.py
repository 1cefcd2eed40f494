"""One file of the leaderboard: its name, and a table as its bytes and back.

A run that is written gets a part of its own, ``<run_id>.parquet``. Compaction gathers many in
``compacted+1.parquet``; no run id has a ``+`` in it.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genbench.leaderboard.schema import SCHEMA, VERSION

SUFFIX = ".parquet"

_COMPACTED = re.compile(r"compacted\+([1-9][0-9]*)\.parquet")


class PartError(Exception):
    """Bytes that are no part of this leaderboard; the message ends a sentence about the file."""


class OtherVersionError(PartError):
    """A part that another version of genbench may well read."""


def name_of_run(run_id: str) -> str:
    """The name of a run's own part."""
    return run_id + SUFFIX


def name_of_compacted(number: int) -> str:
    """The name of a compacted part, numbered from 1."""
    return f"compacted+{number}{SUFFIX}"


def compacted_number(name: str) -> int | None:
    """The number of a compacted part; None for a run's own."""
    found = _COMPACTED.fullmatch(name)
    return int(found[1]) if found else None


def to_bytes(table: pa.Table) -> bytes:
    """A table as the content of a Parquet file with page checksums."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def from_bytes(content: bytes) -> pa.Table:
    """The table in the content of a Parquet file.

    Raises:
        PartError: it is damaged as far as Parquet can tell, or is not of this schema.
    """
    try:
        source = pa.BufferReader(content)
        # In this thread: for small files that is quicker, and a process that ends while Arrow's
        # threads do may abort (seen on a busy machine, in one of ten).
        file = pq.ParquetFile(source, page_checksum_verification=True)
        table = file.read(use_threads=False)
        table.validate(full=True)
    # Damage shows as ArrowInvalid, OSError, and for some bytes as errors of decoding.
    except (pa.ArrowException, OSError, ValueError) as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PartError(f"cannot be read: {cause.rstrip('.')}") from None
    version = (table.schema.metadata or {}).get(b"genbench.schema", b"none")
    if version != str(VERSION).encode():
        told = version.decode(errors="replace")
        kind = OtherVersionError if told.isdecimal() else PartError
        raise kind(f"has leaderboard schema {told}; this genbench reads {VERSION}")
    if not table.schema.equals(SCHEMA):
        raise PartError("is no leaderboard file: its columns differ")
    return table


def runs_in(table: pa.Table) -> tuple[str, ...]:
    """The ids of the runs that a table has rows of, sorted."""
    return tuple(sorted(pc.unique(table["run_id"]).to_pylist()))


def without(table: pa.Table, runs: set[str]) -> pa.Table:
    """The rows of all other runs."""
    if not runs:
        return table
    return table.filter(pc.invert(pc.is_in(table["run_id"], pa.array(sorted(runs), pa.string()))))


def only(table: pa.Table, run_id: str) -> pa.Table:
    """The rows of one run."""
    return table.filter(pc.equal(table["run_id"], run_id))
