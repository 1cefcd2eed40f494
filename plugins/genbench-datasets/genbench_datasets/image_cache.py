"""Decoded images on disk, mapped into memory: what was decoded once is never decoded again.

An entry is named by all that decides its bytes: the content of the files in their order, what they
are brought to, and the libraries that decode. So it never has to be told that a file changed; the
file then belongs to another entry.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO

import torch
from filelock import FileLock
from torch import Tensor

from genbench import files
from genbench.errors import GenbenchError
from genbench_datasets import hashes, image_worker, progress
from genbench_datasets.image_decoding import Form, UnreadableError, decode

VERSION = 1
"""Of what `genbench_datasets.image_decoding.decode` makes of a file."""

PER_WORKER = 64
"""Images that are worth the start of another process."""

IMAGES, ENTRY = "images.u8", "entry.json"
"""The files of an entry."""

TRIES = 2
"""As what lies in a cache may be deleted at any time."""

TOLD = 5
"""Bad files that an error names."""


def decoded(paths: Sequence[Path], contents: Sequence[str], form: Form, folder: Path) -> Tensor:
    """Images as uint8 (N, C, H, W) over a file that is mapped into memory.

    The map is private: what is written to the tensor reaches no file. Processes that ask at once
    wait for the one that decodes.

    Args:
        paths: the image files.
        contents: their SHA-256.
        form: what they are brought to.
        folder: where entries are kept.

    Raises:
        GenbenchError: files that are no images, each with what is wrong with it; no room; or the
            folder is deleted again and again.
    """
    identity = {"version": VERSION, **form.identity(), "contents": list(contents)}
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:32]
    for _ in range(TRIES):
        try:
            return _kept(paths, form, folder, key)
        except (_ClearedError, FileNotFoundError):
            # The lock may be gone with all else, and another process have begun: it is waited for.
            continue
        except OSError as error:
            raise GenbenchError(
                f"Decoded images cannot be kept in {folder}: {error}. The environment variable "
                "GENBENCH_CACHE names another folder."
            ) from error
    raise GenbenchError(
        f"{folder} was deleted {TRIES} times while images were decoded into it. Let nothing clear "
        "the cache meanwhile; the environment variable GENBENCH_CACHE names another folder."
    )


class _ClearedError(Exception):
    """What was being made has been deleted by somebody else."""


def _kept(paths: Sequence[Path], form: Form, folder: Path, key: str) -> Tensor:
    """What is there, or is made now, while others wait."""
    files.make_folder(folder)
    with FileLock(folder / f"{key}.lock"):
        images = _opened(folder / key, len(paths))
        if images is None:
            _build(folder, key, paths, form)
            images = _opened(folder / key, len(paths))
    if images is None:
        if not all((folder / key / name).exists() for name in (IMAGES, ENTRY)):
            raise _ClearedError
        raise GenbenchError(f"{folder / key} was written and reads back as something else.")
    return images


def _opened(entry: Path, n: int) -> Tensor | None:
    """What an entry holds; None where it is missing or not what was written."""
    images = entry / IMAGES
    try:
        told = json.loads((entry / ENTRY).read_text())
        shape = (n, *told["shape"])
        if images.stat().st_size != math.prod(shape) or hashes.sha256(images) != told["sha256"]:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        flat = torch.from_file(str(images), shared=False, size=math.prod(shape), dtype=torch.uint8)
    except RuntimeError:  # which is also what torch says of a file that is gone
        if images.exists():
            raise
        return None
    return flat.view(shape)


def _build(folder: Path, key: str, paths: Sequence[Path], form: Form) -> None:
    """Decode all images into a new entry, which takes its name when it is whole.

    Raises:
        _ClearedError: it was deleted meanwhile; or a FileNotFoundError says so.
    """
    shape = _shape(paths, form)
    for left in folder.glob(f".{key}.*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    made = folder / f".{key}.{uuid.uuid4().hex[:8]}"
    out = made / IMAGES
    try:
        made.mkdir()
        _allocate(out, len(paths) * math.prod(shape))
        _decode_all(paths, form, shape, out)
        files.sync(out)
        files.write_json(made / ENTRY, {"shape": shape, "sha256": hashes.sha256(out)})
        shutil.rmtree(folder / key, ignore_errors=True)  # damaged, or it would have been opened
        os.rename(made, folder / key)
        files.sync(folder)
    except GenbenchError as error:
        if out.exists():
            raise
        raise _ClearedError from error  # a process found no file to write to
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _shape(paths: Sequence[Path], form: Form) -> tuple[int, ...]:
    if form.size is not None:
        return 3 if form.channels == "rgb" else 1, form.size, form.size
    try:
        return decode(paths[0], form).shape
    except UnreadableError as error:
        raise _refusal([(str(paths[0]), str(error))], len(paths)) from error


def _allocate(path: Path, size: int) -> None:
    """Make a file of a size, on which nothing can run out of room later where that can be had."""
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)


def _decode_all(paths: Sequence[Path], form: Form, shape: tuple[int, ...], out: Path) -> None:
    """Let processes decode all images into the file ``out``.

    Processes of their own, not multiprocessing: that would run a user's script once more in each,
    and a fork of a process that has threads may never come to its end.

    Raises:
        GenbenchError: images that cannot be decoded, or a process that ended early.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    count = max(1, min(cores or 1, len(paths) // PER_WORKER))
    question = json.dumps({"out": str(out), "form": asdict(form), "shape": shape})
    jobs = [json.dumps([row, str(path)]) for row, path in enumerate(paths)]
    problems: list[tuple[int, str]] = []
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(tempfile.TemporaryFile("w+", errors="replace"))
        reading, writing = os.pipe()
        told = stack.enter_context(os.fdopen(reading))
        try:
            workers = [
                stack.enter_context(_worker([question, *jobs[first::count]], writing, errors))
                for first in range(count)
            ]
        finally:
            os.close(writing)  # the workers have it; it ends with the last of them
        advance = stack.enter_context(progress.bar("decoding images", len(paths)))
        for line in told:
            advance(1)
            if problem := json.loads(line):
                problems.append(problem)
        for worker in workers:
            if worker.wait() != 0:
                raise GenbenchError(_death(worker.returncode, errors))
    if problems:
        bad = [(str(paths[row]), why) for row, why in sorted(problems)]
        raise _refusal(bad, len(paths))


@contextlib.contextmanager
def _worker(lines: Sequence[str], out: int, errors: IO[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that is asked all of ``lines``; killed at the end if it is still there."""
    with tempfile.TemporaryFile("w+") as asked:
        asked.write("\n".join(lines))
        asked.seek(0)
        # -P: what lies in the current folder is not imported in place of what is installed.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", image_worker.__name__],
            stdin=asked,
            stdout=out,
            stderr=errors,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _death(code: int, errors: IO[str]) -> str:
    errors.seek(0)
    last = (errors.read().strip().splitlines() or ["nothing"])[-1]
    if code < 0:
        how = f"was ended by {signal.Signals(-code).name}"
        return f"A process that decoded images {how}. The system may have run out of memory."
    return f"A process that decoded images ended with exit code {code}: {last}"


def _refusal(bad: Sequence[tuple[str, str]], n: int) -> GenbenchError:
    """The error for files that cannot be decoded, each with what is wrong with it."""
    told = "; ".join(f"{path}: {why}" for path, why in bad[:TOLD])
    more = f"; and {len(bad) - TOLD:,} more" if len(bad) > TOLD else ""
    return GenbenchError(
        f"{len(bad):,} of {n:,} images cannot be used. {told}{more}. Mend them or take them out; "
        "none is left out by itself."
    )
