"""SHA-256 of files, remembered for as long as a file is as it was."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from genbench import cache, files
from genbench.errors import GenbenchError

SETTLED_SECONDS = 2.0
"""Since a file's last change, before its hash is remembered: a clock's tick later it could change
once more under the same times (as in git's "racy" entries)."""

Stamp = tuple[int, int, int]
"""Size, and the times in nanoseconds of the last change of the content and of anything at all. The
last one no ordinary tool can set back."""


def sha256(path: Path) -> str:
    """Of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_folder(paths: Sequence[Path], root: Path, dataset: str) -> list[str]:
    """`of_files`, remembered in genbench's cache folder, for a data set, by the folder of files.

    Args:
        paths: the files that are read of the folder.
        root: the folder.
        dataset: the data set's name.

    Raises:
        GenbenchError: a file that cannot be read; names it.
    """
    name = hashlib.sha256(str(root.resolve()).encode(errors="surrogateescape")).hexdigest()[:32]
    return of_files(paths, cache.folder(dataset) / "hashes" / f"{name}.json")


def name_of(sha256s: Sequence[str]) -> str:
    """One hash that names the content of several files, in their order."""
    return hashlib.sha256(json.dumps(list(sha256s)).encode()).hexdigest()


def of_files(paths: Sequence[Path], memory: Path) -> list[str]:
    """SHA-256 of each file, in hexadecimal; read are those that are new or have changed.

    Args:
        paths: the files.
        memory: a file that keeps what was found. Where it is damaged it is made anew; where it
            cannot be kept, everything is read every time.

    Raises:
        GenbenchError: a file that cannot be read; names it.
    """
    try:
        stamps = [_stamp(path) for path in paths]
        known = _recall(memory)
        found: dict[str, tuple[Stamp, str]] = {}
        unknown = []
        for path, stamp in zip(paths, stamps, strict=True):
            earlier = known.get(str(path))
            if earlier is not None and earlier[0] == stamp:
                found[str(path)] = earlier
            else:
                unknown.append((path, stamp))
        with ThreadPoolExecutor() as pool:  # hashing leaves the interpreter's lock
            contents = pool.map(sha256, [path for path, _ in unknown])
            for (path, stamp), content in zip(unknown, contents, strict=True):
                found[str(path)] = stamp, content
    except OSError as error:
        raise GenbenchError(f"{error.filename} cannot be read: {error.strerror}.") from error
    if unknown or found.keys() != known.keys():
        with contextlib.suppress(OSError):  # no room, not ours to write, cleared this moment
            _keep(memory, found)
    return [found[str(path)][1] for path in paths]


def _stamp(path: Path) -> Stamp:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _keep(memory: Path, found: dict[str, tuple[Stamp, str]]) -> None:
    settled = time.time_ns() - int(SETTLED_SECONDS * 1e9)
    kept = {
        name: (stamp, content)
        for name, (stamp, content) in found.items()
        if max(stamp[1:]) < settled
    }
    text = json.dumps(kept).encode()
    with files.replace_file(memory) as temporary:
        files.write(temporary, hashlib.sha256(text).hexdigest().encode() + b"\n" + text)


def _recall(memory: Path) -> dict[str, tuple[Stamp, str]]:
    try:
        seal, _, text = memory.read_bytes().partition(b"\n")
    except OSError:
        return {}
    if hashlib.sha256(text).hexdigest().encode() != seal:
        return {}
    return {name: (tuple(stamp), content) for name, (stamp, content) in json.loads(text).items()}
