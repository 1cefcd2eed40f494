"""SHA-256 of files, remembered for as long as a file is as it was."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from genbench import files
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


def of_files(paths: Sequence[Path], memory: Path) -> list[str]:
    """SHA-256 of each file, in hexadecimal; read are those that are new or have changed.

    Args:
        paths: the files.
        memory: a file that keeps what was found; where it is damaged it is made anew.

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
    except FileNotFoundError:
        return {}
    if hashlib.sha256(text).hexdigest().encode() != seal:
        return {}
    return {name: (tuple(stamp), content) for name, (stamp, content) in json.loads(text).items()}
