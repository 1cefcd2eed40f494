"""The parts of a leaderboard on the disk: listed, read against the manifest, and published.

Writers of different runs share a lock, so they do not wait for each other; upkeep holds it alone.
Readers take none. Rows move in one direction only, from a run's own part into a compacted one, and
are in both before they leave the first. So who looks at the own part first misses nothing, who
finds them twice believes the own part, and who finds a part gone looks again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from genbench import files
from genbench.errors import StoreError
from genbench.leaderboard import manifest, part

LOCK = ".lock"
GATE = ".gate"


class UnreadableError(StoreError):
    """A part that readers refuse."""

    def __init__(self, path: Path, cause: str, remedy: str) -> None:
        super().__init__(f"The leaderboard file {path} {cause}. {remedy}")
        self.path = path
        self.cause = cause
        self.remedy = remedy


class DamagedError(UnreadableError):
    """Bytes that are not what was written, or are no part at all; repair sets them aside."""

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(
            path,
            cause,
            "`genbench leaderboard repair` sets it aside, and its run can be run again; "
            "--skip-unreadable leaves it out.",
        )


@dataclass(frozen=True)
class Part:
    """A part that was read and found good."""

    name: str
    table: pa.Table
    sha256: str
    listed: bool
    """Whether the manifest has its hash; else only Parquet's page checksums speak for it."""

    @property
    def runs(self) -> tuple[str, ...]:
        """The ids of its runs, sorted."""
        return part.runs_in(self.table)

    @property
    def entry(self) -> manifest.Entry:
        """What the manifest is to say of it."""
        return manifest.Entry(self.name, self.sha256, self.table.num_rows, self.runs)


@contextlib.contextmanager
def locked(folder: Path, *, exclusive: bool) -> Iterator[None]:
    """Hold the leaderboard: shared to write the part of one run, exclusive for everything else."""
    files.make_folder(folder)
    with contextlib.ExitStack() as lock:
        # Writers are through the gate at once, but not past upkeep that waits there for the lock;
        # without it upkeep would wait for as long as writers come and go.
        with files.locked(folder / GATE, exclusive=exclusive):
            lock.enter_context(files.locked(folder / LOCK, exclusive=exclusive))
        yield


def listing(folder: Path) -> list[str]:
    """The names of all parts, sorted.

    Raises:
        StoreError: the folder cannot be read.
    """
    before = None
    try:
        # Reading a folder is not atomic: what is renamed meanwhile may be missed. Not twice.
        while (names := sorted(filter(_is_part, os.listdir(folder)))) != before:
            before = names
    except OSError as error:
        raise StoreError(f"The leaderboard {folder} cannot be read: {error.strerror}.") from None
    return names


def compacted(names: Collection[str]) -> list[str]:
    """The compacted parts among names, the one that wins first."""
    numbers = {part.compacted_number(name): name for name in names}
    return [numbers[n] for n in sorted((n for n in numbers if n is not None), reverse=True)]


def read(path: Path, known: manifest.Manifest | None = None) -> Part:
    """One part, its bytes read once, held to the manifest beside it and only then parsed.

    Args:
        path: the file.
        known: what the manifest said a moment ago, to save reading it again for every part.

    Raises:
        FileNotFoundError: it is not there, or not any more.
        UnreadableError: it is damaged or not of this leaderboard; names the file.
    """
    content = _bytes(path)
    while True:
        sha256 = hashlib.sha256(content).hexdigest()
        if known is None or known.entry(path.name, sha256) is None:
            # Only now: a hash is announced before its file gets its name.
            known = manifest.load(path.parent, only=path.name)
        entry = known.entry(path.name, sha256)
        if entry or not known.lists(path.name):
            break
        before, content, known = content, _bytes(path), None
        if content == before:
            raise DamagedError(path, "cannot be read: its SHA-256 is not that in the manifest")
    try:
        table = part.from_bytes(content)
    except part.OtherVersionError as error:
        remedy = "Read it with that version; --skip-unreadable leaves it out."
        raise UnreadableError(path, str(error), remedy) from None
    except part.PartError as error:
        raise DamagedError(path, str(error)) from None
    return Part(path.name, table, sha256, listed=entry is not None)


def read_named(path: Path, known: manifest.Manifest | None = None) -> Part:
    """As `read`, for a part in its folder: it holds the run that its name says, and no other.

    Raises:
        FileNotFoundError, UnreadableError: as `read`.
    """
    found = read(path, known)
    if part.compacted_number(path.name) is None and found.runs != (path.stem,):
        told = ", ".join(found.runs[:3]) or "no run"
        raise DamagedError(path, f"cannot be read: it has the name of one run and rows of {told}")
    return found


def holder(folder: Path, run_id: str) -> Part | None:
    """The compacted part that speaks for a run, if any; the run's own part would win over it.

    Raises:
        UnreadableError: a part that should or may hold it is damaged; names the file.
    """
    if not folder.is_dir():
        return None
    for name in compacted(listing(folder)):
        known = manifest.load(folder, only=name)
        if known.lists(name) and not any(run_id in entry.runs for entry in known.entries(name)):
            continue
        with contextlib.suppress(FileNotFoundError):  # it has just been set aside
            found = read(folder / name, known)
            if run_id in found.runs:
                return found
    return None


def publish(folder: Path, name: str, table: pa.Table) -> Path:
    """Make a table the content of a part, in one step, whatever was there; holds the lock.

    Raises:
        OSError: it cannot be written; unless the very last step failed, nothing has changed.
    """
    content = part.to_bytes(table)
    sha256 = hashlib.sha256(content).hexdigest()
    entry = manifest.Entry(name, sha256, table.num_rows, part.runs_in(table))
    with files.replace_file(folder / name) as temporary:
        files.write(temporary, content)
        manifest.append(folder, "announced", [entry])
    with contextlib.suppress(OSError):
        # The rows are there and will be found. Lacking this line, their loss would not be noticed.
        manifest.append(folder, "committed", [entry], durable=False)
    return folder / name


def withdraw(folder: Path, parts: Collection[Part]) -> None:
    """Delete parts whose rows are in others; holds the lock alone.

    Raises:
        OSError: it cannot be done; those that are left say nothing new.
    """
    manifest.append(folder, "retired", [found.entry for found in parts])
    for found in parts:
        files.remove(folder / found.name)
    files.sync(folder)


def tidy(folder: Path) -> None:
    """Write the manifest anew in the fewest lines; holds the lock alone.

    A line of a compacted part names all its runs: a log of many such lines grows fast.
    """
    with contextlib.suppress(OSError):  # a long manifest says the same
        manifest.rewrite(folder, manifest.load(folder).essence(listing(folder)))


def leftovers(folder: Path) -> list[tuple[str, str]]:
    """Temporary files, each with the file that it was to become."""
    found = ((name, files.temporary_of(name)) for name in sorted(os.listdir(folder)))
    return [(name, of) for name, of in found if of is not None]


def sweep(folder: Path, *, of: str | None = None) -> list[str]:
    """Delete temporary files that dead writers left; return their names.

    Args:
        folder: of the leaderboard. Who holds its lock alone knows that all writers here are dead.
        of: only those of this part, whose one writer the caller is.
    """
    swept = [name for name, target in leftovers(folder) if of in (None, target)]
    for name in swept:
        with contextlib.suppress(OSError):  # it is in nobody's way
            files.remove(folder / name)
    return swept


def _is_part(name: str) -> bool:
    return name.endswith(part.SUFFIX) and not name.startswith(".")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableError(
            path, f"cannot be read: {error.strerror}", "--skip-unreadable leaves it out."
        ) from None
