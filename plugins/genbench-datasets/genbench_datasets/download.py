"""Published files from the network: pinned by hash, resumed, from whichever mirror has them.

What arrives is nobody's word but the hash's: a mirror may be plain HTTP, may break off, may answer
with a page of its own. A file takes its name only when all of it has been checked.
"""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from filelock import FileLock

from genbench.errors import GenbenchError
from genbench_datasets import progress
from genbench_datasets.hashes import sha256

BLOCK_BYTES = 1 << 18

TIMEOUT_SECONDS = 30.0
"""Without a byte, after which a connection counts as broken."""

TRIES = 5
"""Of one mirror, each of which goes on where the one before broke off."""


@dataclass(frozen=True)
class Source:
    """A file as it was published."""

    name: str
    size: int
    """In bytes."""
    sha256: str
    """Of its content, in hexadecimal."""
    urls: tuple[str, ...]
    """Mirrors, in the order in which they are tried."""


class _MirrorError(Exception):
    """What is wrong with one mirror: the next one may do better."""


def fetch(source: Source, folder: Path, otherwise: str) -> Path:
    """A published file in ``folder``, downloaded if it is not there yet.

    Several processes may ask at once: one downloads, the others wait. What has come before a
    connection broke is kept in ``NAME.part``, and the next one goes on from there.

    Args:
        source: the file.
        folder: where it is kept; made where it is missing.
        otherwise: what else helps where there is no network, as the end of a sentence.

    Returns:
        Its path. Its content has the pinned hash.

    Raises:
        GenbenchError: no mirror gave it; says what each answered and where to put the file.
    """
    path = folder / source.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{source.name}.lock"):
            return _fetched(source, path, otherwise)
    except OSError as error:
        raise GenbenchError(
            f"{source.name} cannot be kept in {folder}: {error}. The environment variable "
            f"GENBENCH_CACHE names another folder. Or {otherwise}"
        ) from error


def _fetched(source: Source, path: Path, otherwise: str) -> Path:
    problems = []
    if path.is_file():
        found = sha256(path)
        if found == source.sha256:
            return path
        problems.append(f"{path} is another file, of SHA-256 {found}")
    for url in source.urls:
        try:
            _download(source, url, path)
        except _MirrorError as error:
            problems.append(f"{url}: {error}")
        else:
            return path
    raise GenbenchError(
        f"{source.name} could not be downloaded ({'; '.join(problems)}). Get it where there is a "
        f"network and put it at {path}, or {otherwise} Its SHA-256 is {source.sha256}."
    )


def _download(source: Source, url: str, path: Path) -> None:
    """Complete the partial file from one mirror, and give it its name."""
    part = path.with_name(f"{path.name}.part")
    problem = ""
    for _ in range(TRIES):
        start = part.stat().st_size if part.exists() else 0
        try:
            if start < source.size:
                _transfer(source, url, part, start)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise _MirrorError(f"HTTP {error.code} {error.reason}") from None
            part.unlink(missing_ok=True)
            continue
        except (_BrokenError, urllib.error.URLError, http.client.HTTPException) as error:
            problem = str(getattr(error, "reason", error)) or type(error).__name__
            if part.exists() and part.stat().st_size > start:
                continue
            raise _MirrorError(problem) from None
        size = part.stat().st_size
        if size < source.size:
            problem = f"broke off after {size:,} of {source.size:,} bytes"
            continue
        found = sha256(part)
        if size == source.size and found == source.sha256:
            os.replace(part, path)
            return
        part.unlink()
        problem = f"gave another file, of SHA-256 {found}"
        if start == 0:  # else what was there before may be to blame
            break
    raise _MirrorError(problem)


class _BrokenError(Exception):
    """A connection that ended early."""


def _transfer(source: Source, url: str, part: Path, start: int) -> None:
    """Add to the partial file what a mirror sends, from byte ``start`` on if it can.

    Raises:
        _MirrorError: it offers a file of another size.
        _BrokenError: the connection broke; what had come is kept.
        OSError: the file cannot be written, or (`urllib.error.URLError`) nobody answers.
    """
    headers = {"User-Agent": "genbench"} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(url, headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except (TimeoutError, ConnectionError) as error:  # after the request was sent
        raise _BrokenError(str(error)) from error
    with answer:
        if not (start and _continues(answer, start)):
            start = 0  # the whole file comes again
        length = answer.headers.get("Content-Length")
        if length is not None and start + int(length) != source.size:
            raise _MirrorError(
                f"offers a file of {start + int(length):,} bytes, not {source.size:,}"
            )
        with (
            part.open("r+b" if start else "wb") as file,
            progress.bar(source.name, source.size, done=start, in_bytes=True) as advance,
        ):
            file.seek(start)
            while block := _read(answer):
                file.write(block)
                advance(len(block))
                if file.tell() > source.size:
                    break  # its hash will be another: no more of it
            file.flush()
            os.fsync(file.fileno())


def _continues(answer: http.client.HTTPResponse, start: int) -> bool:
    """Whether what is sent begins at byte ``start``."""
    told = answer.headers.get("Content-Range", "")
    return answer.status == http.HTTPStatus.PARTIAL_CONTENT and told.startswith(f"bytes {start}-")


def _read(answer: IO[bytes]) -> bytes:
    try:
        return answer.read(BLOCK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(str(error)) from error
