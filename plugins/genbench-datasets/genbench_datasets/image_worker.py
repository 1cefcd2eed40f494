"""A process that decodes images into rows of a file: ``python -m genbench_datasets.image_worker``.

Asked on standard input, as JSON: first what to do, then ``[row, path]``, line by line. Told on
standard output: a line for each image, ``null`` or ``[row, what is wrong with it]``. Many write to
one pipe, so a line is one write of less than what a pipe takes at once (POSIX: 512 bytes). One that
has nobody left to tell ends.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from genbench_datasets.image_decoding import Form, UnreadableError, decode


def main() -> None:
    """Decode all that is asked for."""
    question, *jobs = sys.stdin.read().splitlines()
    asked = json.loads(question)
    form, shape = Form(**asked["form"]), tuple(asked["shape"])
    out = os.open(asked["out"], os.O_WRONLY)
    for job in jobs:
        row, path = json.loads(job)
        problem = put(out, row, Path(path), form, shape)
        told = None if problem is None else [row, problem.encode("ascii", "replace").decode()[:400]]
        os.write(sys.stdout.fileno(), json.dumps(told).encode() + b"\n")
    os.close(out)


def put(out: int, row: int, path: Path, form: Form, shape: tuple[int, ...]) -> str | None:
    """Decode an image into a row of an open file; what is wrong with it, or None."""
    try:
        pixels = decode(path, form)
    except UnreadableError as error:
        return str(error)
    if pixels.shape != shape:
        found, wanted = ("x".join(map(str, each)) for each in (pixels.shape, shape))
        return f"it is {found}, others are {wanted}; --set image-folder.size=N makes them equal"
    content = memoryview(pixels.tobytes())
    offset = row * len(content)
    while content:
        written = os.pwrite(out, content, offset)
        content, offset = content[written:], offset + written
    return None


if __name__ == "__main__":
    main()
