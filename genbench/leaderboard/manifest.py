r"""The manifest: which bytes each file of the leaderboard was meant to have.

``_manifest.jsonl`` is a log, a JSON object a line, that writers append to and only the upkeep
commands rewrite. Before a part is renamed to its name its hash is *announced*; afterwards it is
*committed*, and from then on no earlier hash of that file is good and its absence is a loss. What
a compaction has taken over is *retired* before it is deleted. ``sha256`` is what ``sha256sum FILE``
prints. A line begins with a checksum of its rest: one that was torn or changed is never believed.

The underscore keeps the file out of what pandas and PyArrow read when they are given the folder.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from genbench import files
from genbench.errors import StoreError

NAME = "_manifest.jsonl"

Event = Literal["announced", "committed", "retired"]

_LINE = re.compile(rb'\{"check": "([0-9a-f]{16})", (.*)\}')


@dataclass(frozen=True)
class Entry:
    """One part as its writer meant it to be."""

    file: str
    sha256: str
    rows: int
    runs: tuple[str, ...]
    """Run ids, sorted."""


class Manifest:
    """What the lines of a manifest say together."""

    def __init__(self) -> None:
        self.expected: dict[str, Entry] = {}
        """By file: what must be there, for it was committed and not retired."""
        self.damaged_lines: list[int] = []
        """Numbers of the lines that are not what was written, from 1."""
        self._good: dict[str, dict[str, Entry]] = defaultdict(dict)

    def lists(self, file: str) -> bool:
        """Whether it knows any hash of a file."""
        return file in self._good

    def entry(self, file: str, sha256: str) -> Entry | None:
        """The entry of a file with these bytes; None if they are not, or no longer, good."""
        return self._good.get(file, {}).get(sha256)

    def entries(self, file: str) -> list[Entry]:
        """Everything that a file may be."""
        return list(self._good.get(file, {}).values())

    def add(self, event: Event, entry: Entry) -> None:
        """Learn from one line."""
        if event == "announced":
            self._good[entry.file][entry.sha256] = entry
        elif event == "committed":
            self._good[entry.file] = {entry.sha256: entry}
            self.expected[entry.file] = entry
        else:
            self.expected.pop(entry.file, None)

    def essence(self, present: Collection[str]) -> list[tuple[Event, Entry]]:
        """The fewest lines that say the same, given which files there are."""
        lines: list[tuple[Event, Entry]] = []
        for file in sorted(self._good):
            committed = self.expected.get(file)
            if committed:
                lines.append(("committed", committed))
            if file in present:
                others = [entry for entry in self.entries(file) if entry != committed]
                lines += [("announced", entry) for entry in others]
        return lines


def load(folder: Path, *, only: str | None = None) -> Manifest:
    """What the manifest of a leaderboard says; nothing where there is none.

    Args:
        folder: of the leaderboard.
        only: the one file that matters, which is faster.

    Raises:
        StoreError: the file is there and the system does not let it be read.
    """
    path = folder / NAME
    found = Manifest()
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return found
    except OSError as error:
        raise StoreError(f"The manifest {path} cannot be read: {error.strerror}.") from None
    mark = f'"file": {json.dumps(only)}'.encode() if only else b""
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line or mark not in line:
            continue
        event = _parse(line)
        if event:
            found.add(*event)
        else:
            found.damaged_lines.append(number)
    return found


def append(folder: Path, event: Event, entries: Iterable[Entry], *, durable: bool = True) -> None:
    """Add a line for each entry, all of them in one write."""
    lines = [_line(event, entry) for entry in entries]
    if lines:
        files.append(folder / NAME, b"\n".join(lines), durable=durable)


def rewrite(folder: Path, lines: Iterable[tuple[Event, Entry]]) -> None:
    """Put other lines in the place of all; only for who has the leaderboard to itself."""
    with files.replace_file(folder / NAME) as temporary:
        files.write(temporary, b"\n".join(_line(event, entry) for event, entry in lines) + b"\n")


def _line(event: Event, entry: Entry) -> bytes:
    rest = json.dumps({"event": event, **asdict(entry)}).encode()[1:-1]
    return b'{"check": "%s", %s}' % (_check(rest), rest)


def _parse(line: bytes) -> tuple[Event, Entry] | None:
    found = _LINE.fullmatch(line)
    # The checksum comes before all parsing: arbitrary bytes can do worse than not being JSON.
    if found is None or found[1] != _check(found[2]):
        return None
    data = json.loads(b"{%s}" % found[2])
    entry = Entry(data["file"], data["sha256"], data["rows"], tuple(data["runs"]))
    return data["event"], entry


def _check(rest: bytes) -> bytes:
    return hashlib.sha256(rest).hexdigest()[:16].encode()
