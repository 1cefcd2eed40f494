"""The folder for what can be made or fetched again: features, statistics, downloads, images.

``GENBENCH_CACHE`` names it; without that it is where the platform keeps such things. Every part of
genbench, plugins too, keeps what it has in a folder of its own below, and whatever is there may be
deleted at any time: it is made again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "GENBENCH_CACHE"
"""Of the environment: the folder."""


def folder(part: str) -> Path:
    """Where a part of genbench keeps what it can make again; it need not exist.

    Args:
        part: ``features``, ``downloads``, or what a plugin calls it.
    """
    return root() / part


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
    for path in sorted(path for path in here.iterdir() if path.is_dir()):
        sizes = [_size(file) for file in path.rglob("*") if file.is_file()]
        yield Part(path.name, path, len(sizes), sum(sizes))


def clear(part: Part) -> None:
    """Delete a part. Who uses it meanwhile makes it again."""
    shutil.rmtree(part.path, ignore_errors=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # deleted since it was listed
        return 0
