"""Samples in files: a folder of images, a ``.npy`` array, a ``.parquet`` table.

What could be read in two ways is refused. No array is ever scaled by its own minimum and maximum:
that hides samples of a wrong range, and every score with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genbench.errors import UsageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
"""Of images in a folder."""

OTHER_IMAGES = (".bmp", ".gif", ".tif", ".tiff", ".avif", ".jp2", ".ppm", ".pgm")
"""Images that are not read: to leave them out would score others than were given."""

FORMATS = ("PNG", "JPEG", "WEBP")
"""What a file may really be, whatever its name: some of Pillow's readers start other programs."""

CHANNELS = {1: "L", 3: "RGB"}
"""Pillow's modes, by channels."""


def read(path: Path, shape: Sequence[int] | None = None) -> Tensor:
    """Samples: uint8 (N, C, H, W), float32 (N, C, H, W) in [-1, 1], or float32 (N, D) for points.

    Args:
        path: a folder of images, or a ``.npy`` or ``.parquet`` file.
        shape: of one example, as it has to be; None: what the first image has.

    Raises:
        UsageError: nothing is there, or it is no samples of that shape; names the file.
    """
    if path.is_dir():
        return _folder(path, shape)
    if not path.is_file():
        raise UsageError(f"There are no samples at {path}: it is no file and no folder.")
    if path.suffix == ".npy":
        return _array(path, shape)
    if path.suffix == ".parquet":
        return _table(path, shape)
    raise UsageError(
        f"Samples are a folder of images, a .npy file or a .parquet file, not {path.name!r}."
    )


def _folder(folder: Path, shape: Sequence[int] | None) -> Tensor:
    # In the order of their names, whatever the file system's: samples have numbers.
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith(".")]
    for path in files:
        if path.suffix.lower() in OTHER_IMAGES:
            raise UsageError(f"{path} is no sample: images are read from {', '.join(SUFFIXES)}.")
    paths = [path for path in files if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise UsageError(f"There is no image in {folder}: it has no {', '.join(SUFFIXES)} file.")
    return _stacked([(str(path), path) for path in paths], shape)


def _stacked(sources: Sequence[tuple[str, object]], shape: Sequence[int] | None) -> Tensor:
    """Decode images that are all of one size: uint8 (N, C, H, W)."""
    images = None
    for number, (name, source) in enumerate(sources):
        image = _decoded(name, source, None if shape is None else shape[0])
        if shape is None:
            shape = image.shape
        if image.shape != tuple(shape):
            raise UsageError(
                f"{name} is an image of {_sizes(image.shape)}; it has to be one of {_sizes(shape)}."
            )
        if images is None:
            images = np.empty((len(sources), *shape), np.uint8)
        images[number] = image
    return torch.from_numpy(images)


def _decoded(name: str, source: object, channels: int | None) -> np.ndarray:
    # here: who reads arrays needs no decoder
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(source, formats=FORMATS) as opened:  # type: ignore[arg-type]
            if getattr(opened, "n_frames", 1) > 1:
                raise UsageError(f"{name} is animated: which of its images is the sample?")
            image = ImageOps.exif_transpose(opened)
            if channels is None:
                channels = 1 if image.mode in ("1", "L", "I;16", "I", "F") else 3
            if image.mode not in ("1", "L", "P", "RGB") or "transparency" in image.info:
                raise UsageError(
                    f"{name} is an image of mode {image.mode}: samples are 8 bits of grey or RGB, "
                    "without transparency. Convert it: image.convert('RGB')."
                )
            if channels not in CHANNELS:
                raise UsageError(f"{name}: an image file has no {channels} channels.")
            pixels = np.array(image.convert(CHANNELS[channels]))
    except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
        told = "it is no PNG, JPEG or WebP"
        if not isinstance(error, UnidentifiedImageError):
            told = str(error)
        raise UsageError(f"{name} cannot be read as an image: {told}.") from None
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _array(path: Path, shape: Sequence[int] | None) -> Tensor:
    try:
        array = np.load(path, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"{path} cannot be read as an array: {str(error).rstrip('.')}.") from None
    if not isinstance(array, np.ndarray):
        raise UsageError(f"{path} is an archive of several arrays: save the samples as one.")
    if array.ndim == 0 or len(array) == 0:
        raise UsageError(f"{path} holds no samples: its shape is {array.shape}.")
    array = _channels_first(path, array, shape)
    if array.ndim == 2:
        return _points(path, array)
    if array.dtype == np.uint8:
        return torch.from_numpy(np.array(array))
    if array.dtype not in (np.float16, np.float32, np.float64):
        raise UsageError(
            f"{path} holds {array.dtype}: images are uint8 from 0 to 255, or floats in [-1, 1]."
        )
    return _floats(path, np.array(array, dtype=np.float32))


def _channels_first(path: Path, array: np.ndarray, shape: Sequence[int] | None) -> np.ndarray:
    """The array as (N, *shape); channels may stand last, and a single one be left out."""
    given = array.shape[1:]
    if shape is None:
        if array.ndim == 4 and given[0] not in CHANNELS and given[2] in CHANNELS:
            return array.transpose(0, 3, 1, 2)
        if array.ndim == 3:
            return array[:, None]
        if array.ndim not in (2, 4):
            raise UsageError(f"{path} holds {array.shape}: it is no images and no points.")
        return array
    shape = tuple(shape)
    if given == shape:
        return array
    if len(shape) == 3 and given == (*shape[1:], shape[0]):
        return array.transpose(0, 3, 1, 2)
    if len(shape) == 3 and shape[0] == 1 and given == shape[1:]:
        return array[:, None]
    raise UsageError(f"{path} holds examples of shape {given}; they have to be {shape}.")


def _floats(path: Path, array: np.ndarray) -> Tensor:
    x = torch.from_numpy(array)
    check_finite(str(path), x)
    check_range(str(path), x)
    return x


def check_finite(what: str, x: Tensor) -> None:
    """Refuse what is not finite.

    Raises:
        UsageError: says how many values are not.
    """
    wrong = int((~x.isfinite()).sum())
    if wrong:
        raise UsageError(f"{what}: {wrong} of {x.numel()} values are NaN or infinite.")


def check_range(what: str, x: Tensor) -> None:
    """Refuse images of floats whose range cannot be [-1, 1].

    Raises:
        UsageError: says what the range is.
    """
    least, most = float(x.min()), float(x.max())
    if float((x < 0).double().mean()) < LEAST_NEGATIVE:
        raise UsageError(
            f"{what}: floats from {least:g} to {most:g}, hardly any of them negative. They seem to "
            "be in [0, 1] or [0, 255], but images of floats are in [-1, 1]. Give uint8, or "
            "2 * x - 1."
        )
    if max(-least, most) > 2:
        raise UsageError(
            f"{what}: floats from {least:g} to {most:g}, but images of floats are in [-1, 1]."
        )


LEAST_NEGATIVE = 1e-3
"""Of the values of images in [-1, 1], those below 0, darker than the middle of the range."""


def _points(path: Path, array: np.ndarray) -> Tensor:
    if array.dtype.kind not in "fiu":
        raise UsageError(f"{path} holds {array.dtype}: points are numbers.")
    points = torch.from_numpy(np.array(array, dtype=np.float32))
    check_finite(str(path), points)
    return points


def _table(path: Path, shape: Sequence[int] | None) -> Tensor:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"{path} cannot be read as Parquet: {error}.") from None
    if not len(table):
        raise UsageError(f"{path} holds no samples: it has no row.")
    encoded = _encoded_images(path, table)
    if encoded is not None:
        return _stacked([(f"{path}, row {n}", data) for n, data in encoded], shape)
    numbers = [
        name
        for name, type_ in zip(table.column_names, table.schema.types, strict=True)
        if pa.types.is_floating(type_) or pa.types.is_integer(type_)
    ]
    if len(numbers) != table.num_columns:
        raise UsageError(
            f"{path} has the columns {', '.join(table.column_names)}: it needs a column 'image' of "
            "encoded images, or one column of numbers for each coordinate of a point."
        )
    columns = [table[name].to_numpy() for name in numbers]
    return _points(path, _channels_first(path, np.stack(columns, axis=1), shape))


def _encoded_images(path: Path, table: object) -> list[tuple[int, object]] | None:
    """The column ``image``: bytes, or a struct with ``bytes`` as the data sets library writes."""
    import io

    import pyarrow as pa

    assert isinstance(table, pa.Table)
    if "image" not in table.column_names:
        return None
    rows = table["image"].to_pylist()
    found = [row.get("bytes") if isinstance(row, dict) else row for row in rows]
    encoded: list[tuple[int, object]] = []
    for n, data in enumerate(found):
        if not isinstance(data, bytes):
            raise UsageError(
                f"{path}, row {n}: the column 'image' holds the bytes of image files, here is "
                f"{type(data).__name__}."
            )
        encoded.append((n, io.BytesIO(data)))
    return encoded


def _sizes(shape: Sequence[int]) -> str:
    channels, height, width = shape
    kind = {1: "grey", 3: "RGB"}.get(channels, f"{channels}-channel")
    return f"{height}x{width} {kind} pixels"
