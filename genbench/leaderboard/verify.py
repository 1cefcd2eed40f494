"""What is wrong with a leaderboard, if anything: every byte is read, nothing is changed."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genbench.errors import StoreError
from genbench.leaderboard import disk, manifest

REPAIR = "`genbench leaderboard repair`"

Kind = Literal["unreadable", "missing", "not-listed", "twice", "manifest", "temporary"]


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be."""

    kind: Kind
    file: str
    """Its name in the folder of the leaderboard."""
    problem: str
    """A sentence."""
    remedy: str
    """Another."""


def verify(folder: Path) -> list[Problem]:
    """Every problem of a leaderboard; none means that it is sound.

    Raises:
        StoreError: there is no such leaderboard, or it cannot be read.
    """
    if not folder.is_dir():
        raise StoreError(f"There is no leaderboard at {folder}. genbench run makes one.")
    problems = look(folder)
    if problems:
        # What looks wrong may be somebody at work. A second look, while nobody is.
        with contextlib.suppress(OSError), disk.locked(folder, exclusive=True):
            problems = look(folder)
    return problems


def look(folder: Path) -> list[Problem]:
    """The problems at first sight: those of work in progress are among them."""
    names = disk.listing(folder)
    problems = []
    holders: dict[str, list[str]] = defaultdict(list)
    for name in names:
        try:
            found = disk.read_named(folder / name)
        except disk.UnreadableError as error:
            problems.append(Problem("unreadable", name, f"It {error.cause}.", error.remedy))
            continue
        except FileNotFoundError:
            continue
        for run in found.runs:
            holders[run].append(name)
        if not found.listed:
            problems.append(
                Problem(
                    "not-listed",
                    name,
                    "The manifest does not list it: only Parquet's own checksums speak for it.",
                    f"{REPAIR} lists it as it is.",
                )
            )
    for run, files in holders.items():
        if len(files) > 1:
            others = " and ".join(files[1:])
            problems.append(
                Problem(
                    "twice",
                    files[0],
                    f"The run {run} is in {others} too, and counted twice by other readers.",
                    f"{REPAIR} keeps the rows that genbench counts.",
                )
            )
    return [*problems, *_of_the_manifest(folder, names), *_leftovers(folder)]


def _of_the_manifest(folder: Path, names: list[str]) -> list[Problem]:
    known = manifest.load(folder)
    problems = [
        Problem(
            "missing",
            name,
            f"It was committed and is not there: {_told(entry)}.",
            f"Put it back, or run again what it held. {REPAIR} forgets it.",
        )
        for name, entry in known.expected.items()
        if name not in names
    ]
    problems += [
        Problem(
            "manifest",
            manifest.NAME,
            f"Line {number} is torn or was changed, and is not believed.",
            f"{REPAIR} writes it anew.",
        )
        for number in known.damaged_lines
    ]
    return problems


def _leftovers(folder: Path) -> list[Problem]:
    return [
        Problem(
            "temporary",
            name,
            f"Whoever was to write {of} died before it was done.",
            f"{REPAIR} deletes it, and so does the next try.",
        )
        for name, of in disk.leftovers(folder)
    ]


def _told(entry: manifest.Entry) -> str:
    runs = ", ".join(entry.runs[:3]) + (", ..." if len(entry.runs) > 3 else "")
    return f"{entry.rows} rows of {runs}"
