"""The folder for what can be made or fetched again: features, statistics, downloads, images.

``GENBENCH_CACHE`` names it; without that it is where the platform keeps such things. Every part of
genbench, plugins too, keeps what it has in a folder of its own below, and whatever is there may be
deleted at any time: it is made again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from genbench.errors import StoreError

VARIABLE = "GENBENCH_CACHE"
"""Of the environment: the folder."""


TAG = "CACHEDIR.TAG"
"""Marks a folder as a cache (bford.info/cachedir), for us and for programs that make backups."""

SIGNATURE = (
    "Signature: 8a477f597d28d172789f06886806bc55\n# Made by genbench, and made again if deleted.\n"
)


def folder(part: str) -> Path:
    """Where a part of genbench keeps what it can make again; made, and marked, if it can be.

    Args:
        part: ``features``, ``downloads``, or what a plugin calls it.
    """
    path = root() / part
    with contextlib.suppress(OSError):  # of a full disk, say, whoever writes there is told
        path.mkdir(parents=True, exist_ok=True)
        if not (path / TAG).exists():
            (path / TAG).write_text(SIGNATURE)
    return path


def root() -> Path:
    """The folder of everything."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    import platformdirs  # here: only who has no folder of their own needs to know the platform's

    return Path(platformdirs.user_cache_path("genbench", appauthor=False))


@dataclass(frozen=True)
class Part:
    """One of the folders below `root`."""

    name: str
    path: Path
    files: int
    size_bytes: int


def parts() -> Iterator[Part]:
    """What is there, by name."""
    here = root()
    if not here.is_dir():
        return
    # Marked ones alone: a folder that was named as the cache may hold what is none of ours.
    for path in sorted(path for path in here.iterdir() if _is_ours(path)):
        sizes = [_size(file) for file in path.rglob("*") if file.is_file() and file.name != TAG]
        yield Part(path.name, path, len(sizes), sum(sizes))


def clear(part: Part) -> None:
    """Delete a part, best when nothing uses it.

    Raises:
        StoreError: it is still there, at least in part.
    """
    try:
        shutil.rmtree(part.path)
    except FileNotFoundError:
        pass  # somebody else deletes it, too
    except OSError as error:
        raise StoreError(f"{error.filename} cannot be deleted: {error.strerror}.") from error


def _is_ours(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and (path / TAG).is_file()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # deleted since it was listed
        return 0
