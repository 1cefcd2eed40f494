"""Files in the IDX format, in which MNIST and its likes are published, packed with gzip or plain.

Four bytes say what follows: two zeros, the type (8 for unsigned bytes) and the number of
dimensions; then each dimension as four bytes, most significant first; then the items, the last
dimension fastest (Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten
digits", 1998, section "File formats").
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from genbench.errors import GenbenchError

GZIP = b"\x1f\x8b"
UNSIGNED_BYTES = 8


def images(path: Path, n: int, shape: tuple[int, int]) -> np.ndarray:
    """Grey images, uint8 (n, 1, H, W).

    Raises:
        GenbenchError: the file holds anything but ``n`` images of this shape; names the file.
    """
    return _read(path, (n, *shape)).reshape(n, 1, *shape)


def labels(path: Path, n: int, classes: int) -> np.ndarray:
    """Labels, int64 (n,).

    Raises:
        GenbenchError: the file holds anything but ``n`` labels below ``classes``; names the file.
    """
    y = _read(path, (n,))
    wrong = np.flatnonzero(y >= classes)
    if len(wrong):
        raise GenbenchError(
            f"{path}: label {wrong[0]:,} (of {n:,}, counted from 0) is {y[wrong[0]]}, but labels "
            f"are from 0 to {classes - 1}."
        )
    return y.astype(np.int64)


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """uint8 of exactly this shape."""
    try:
        with path.open("rb") as file:
            packed = file.read(len(GZIP)) == GZIP
        with gzip.open(path) if packed else path.open("rb") as content:
            return _parsed(path, content, shape)  # type: ignore[arg-type]
    except (OSError, EOFError, zlib.error) as error:
        raise GenbenchError(f"{path} cannot be read: {error}") from error


def _parsed(path: Path, content: IO[bytes], shape: tuple[int, ...]) -> np.ndarray:
    header = 4 + 4 * len(shape)
    begins = content.read(header)
    magic = bytes((0, 0, UNSIGNED_BYTES, len(shape)))
    if begins[:4] != magic:
        raise GenbenchError(
            f"{path} is no IDX file of {'images' if len(shape) > 1 else 'labels'}: it begins with "
            f"{begins[:4].hex(' ') or 'nothing'}, not {magic.hex(' ')}."
        )
    if len(begins) < header:
        raise GenbenchError(f"{path} is cut short: it ends within its header.")
    found = struct.unpack(f">{len(shape)}I", begins[4:])
    if found != shape:
        raise GenbenchError(f"{path} holds {_told(found)}, but {_told(shape)} belong there.")
    size = math.prod(shape)
    items = content.read(size + 1)  # no more, whatever a packed file would unpack to
    if len(items) < size:
        raise GenbenchError(
            f"{path} is cut short: it has {len(items):,} of {size:,} bytes after its header."
        )
    if len(items) > size:
        raise GenbenchError(f"{path} goes on after its {_told(shape)}.")
    return np.frombuffer(items, np.uint8).reshape(shape)


def _told(shape: tuple[int, ...]) -> str:
    n, *each = shape
    return f"{n:,} images of {'x'.join(map(str, each))}" if each else f"{n:,} labels"
