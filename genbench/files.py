"""Writing files so that a reader sees the old content or the new, whatever happens in between.

What changes the disk goes through this file's ``os``, so that tests can fail each call in turn.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_TEMPORARY = re.compile(r"\.(?P<of>.+)\.[0-9a-f]{8}\.tmp")


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; make it ``path`` when the block ends well.

    Temporary file, fsync, rename, fsync of the folder: after a crash there is the old file or the
    new one, whole. A process that is killed leaves its temporary file: see `temporary_of`.
    """
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):  # that it is not there, or what went wrong already
            os.unlink(temporary)
        raise
    sync(path.parent)


def temporary_of(name: str) -> str | None:
    """The name of the file that a temporary file was to become; None for any other file."""
    found = _TEMPORARY.fullmatch(name)
    return found["of"] if found else None


def write_json(path: Path, data: Any) -> None:
    """Write plain data as JSON, atomically."""
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    with replace_file(path) as temporary:
        write(temporary, f"{text}\n".encode())


def write(path: Path, content: bytes) -> None:
    """Make a file of these bytes; whether they have reached the disk is for `sync` to see to."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


def append(path: Path, line: bytes, *, durable: bool) -> None:
    """Append a line to a file that others append to at the same time; made where it is missing.

    The newline comes first: a line whose writer died in the middle does not swallow the next one.

    Args:
        path: the file.
        line: without its newline.
        durable: whether to return only when it has reached the disk.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    try:
        # What a nearly full disk took in part is no line; another's may already come after it.
        while os.write(descriptor, b"\n" + line) <= len(line):
            pass
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Delete a file that may be gone already."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def move(path: Path, folder: Path) -> Path:
    """Move a file to another folder, beside what has its name there; return where it is."""
    make_folder(folder)
    target, number = folder / path.name, 1
    while target.exists():
        number += 1
        target = folder / f"{path.name}.{number}"
    os.rename(path, target)
    sync(folder)
    sync(path.parent)
    return target


def make_folder(path: Path) -> None:
    """Make a folder and those above it, there even after the machine lost power."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with contextlib.suppress(FileExistsError):  # by another process, meanwhile
        os.mkdir(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Return when a file, or the names in a folder, have reached the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path, *, exclusive: bool) -> Iterator[None]:
    """Hold a lock on a file that exists for this alone; the kernel drops it if its holder dies."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        try:
            yield
        finally:
            # Closing is not enough: a child that was forked meanwhile has the file open, too.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def writable(folder: Path) -> str | None:
    """Why files cannot be made in a folder, existing or yet to be made; None if they can."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        return f"{existing} is a file"
    try:
        with tempfile.TemporaryFile(dir=existing):
            return None
    except OSError as error:
        return str(error.strerror)
