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

CHANNELS = {1: "L", 3: "RGB"}
"""Pillow's modes, by channels."""


def read(path: Path, shape: Sequence[int] | None = None) -> Tensor:
    """Samples as a model gives them: float32 (N, C, H, W) in [-1, 1], or (N, D) for points.

    Args:
        path: a folder of images, or a ``.npy`` or ``.parquet`` file.
        shape: of one example, as it has to be; None: what the first image has.

    Raises:
        UsageError: nothing is there, or it is no samples of that shape; names the file.
    """
    if path.is_dir():
        return _pixels(_folder(path, shape))
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
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise UsageError(f"There is no image in {folder}: it has no {', '.join(SUFFIXES)} file.")
    return _stacked([(str(path), path) for path in paths], shape)


def _stacked(sources: Sequence[tuple[str, object]], shape: Sequence[int] | None) -> Tensor:
    """Decode images that are all of one size: uint8 (N, C, H, W)."""
    images = []
    for name, source in sources:
        image = _decoded(name, source, None if shape is None else shape[0])
        if shape is None:
            shape = image.shape
        if image.shape != tuple(shape):
            raise UsageError(
                f"{name} is an image of {_sizes(image.shape)}; it has to be one of {_sizes(shape)}."
            )
        images.append(image)
    return torch.from_numpy(np.stack(images))


def _decoded(name: str, source: object, channels: int | None) -> np.ndarray:
    # here: who reads arrays needs no decoder
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(source) as image:  # type: ignore[arg-type]
            image.load()
            if channels is None:
                channels = 1 if image.mode in ("1", "L", "I;16", "I", "F") else 3
            if image.mode not in ("1", "L", "P", "RGB"):
                raise UsageError(
                    f"{name} is an image of mode {image.mode}: samples are 8 bits of grey or RGB, "
                    "without transparency."
                )
            if channels not in CHANNELS:
                raise UsageError(f"{name}: an image file has no {channels} channels.")
            pixels = np.array(image.convert(CHANNELS[channels]))
    except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
        raise UsageError(f"{name} cannot be read as an image: {error}.") from None
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _array(path: Path, shape: Sequence[int] | None) -> Tensor:
    try:
        array = np.load(path, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read as an array: {error}.") from None
    if array.ndim == 0 or len(array) == 0:
        raise UsageError(f"{path} holds no samples: its shape is {array.shape}.")
    array = _channels_first(path, array, shape)
    if array.ndim == 2:
        return _points(path, array)
    if array.dtype == np.uint8:
        return _pixels(torch.from_numpy(np.array(array)))
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
    if not np.isfinite(array).all():
        wrong = int((~np.isfinite(array)).sum())
        raise UsageError(f"{path}: {wrong} of {array.size} values are NaN or infinite.")
    least, most = float(array.min()), float(array.max())
    if least >= 0:
        raise UsageError(
            f"{path} holds floats from {least:g} to {most:g}, none of them negative: they seem to "
            "be in [0, 1] or [0, 255], but images of floats are in [-1, 1]. Give uint8, or "
            "2 * x - 1."
        )
    if max(-least, most) > 2:
        raise UsageError(
            f"{path} holds floats from {least:g} to {most:g}: images of floats are in [-1, 1]."
        )
    return torch.from_numpy(array)


def _points(path: Path, array: np.ndarray) -> Tensor:
    if array.dtype.kind not in "fiu":
        raise UsageError(f"{path} holds {array.dtype}: points are numbers.")
    points = np.array(array, dtype=np.float32)
    if not np.isfinite(points).all():
        wrong = int((~np.isfinite(points)).sum())
        raise UsageError(f"{path}: {wrong} of {points.size} values are NaN or infinite.")
    return torch.from_numpy(points)


def _table(path: Path, shape: Sequence[int] | None) -> Tensor:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"{path} cannot be read as Parquet: {error}.") from None
    if not len(table):
        raise UsageError(f"{path} holds no samples: it has no row.")
    encoded = _encoded_images(table)
    if encoded is not None:
        return _pixels(_stacked([(f"{path}, row {n}", data) for n, data in encoded], shape))
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


def _encoded_images(table: object) -> list[tuple[int, object]] | None:
    """The column ``image``: bytes, or a struct with ``bytes`` as the data sets library writes."""
    import io

    import pyarrow as pa

    assert isinstance(table, pa.Table)
    if "image" not in table.column_names:
        return None
    rows = table["image"].to_pylist()
    found = [row.get("bytes") if isinstance(row, dict) else row for row in rows]
    encoded = [data for data in found if isinstance(data, bytes)]
    if len(encoded) < len(found):
        return None
    return [(n, io.BytesIO(data)) for n, data in enumerate(encoded)]


def _pixels(x: Tensor) -> Tensor:
    from genbench.data import to_model

    return to_model(x)


def _sizes(shape: Sequence[int]) -> str:
    channels, height, width = shape
    kind = {1: "grey", 3: "RGB"}.get(channels, f"{channels}-channel")
    return f"{height}x{width} {kind} pixels"
