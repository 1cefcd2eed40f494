"""Samples in files: read as they are, or refused by a message that names the file."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from genbench.data import to_rest as float_to_rest
from genbench.errors import UsageError
from genbench.external.read import read


def to_rest(x: torch.Tensor) -> torch.Tensor:
    return x if x.dtype == torch.uint8 else float_to_rest(x)


GREY = np.random.default_rng(0).integers(0, 256, (5, 1, 6, 4), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (5, 3, 6, 4), dtype=np.uint8)


def saved(folder: Path, images: np.ndarray, suffix: str = ".png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        Image.fromarray(pixels).save(folder / f"{number:03d}{suffix}", lossless=True)
    return folder


def array(path: Path, content: np.ndarray) -> Path:
    np.save(path, content)
    return path


def table(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_a_folder_of_images_is_read_in_the_order_of_names(
    tmp_path: Path, images: np.ndarray, suffix: str
) -> None:
    for shape in (None, images.shape[1:]):
        x = read(saved(tmp_path, images, suffix), shape)
        if images is GREY and suffix == ".webp" and shape is None:
            assert x.shape[1] == 3  # WebP knows no grey: the shape that is asked for says so
            continue
        assert x.dtype == torch.uint8
        assert np.array_equal(to_rest(x).numpy(), images)


def test_jpegs_are_read_whatever_their_capitals(tmp_path: Path) -> None:
    Image.fromarray(np.full((6, 4, 3), 255, np.uint8)).save(tmp_path / "a.JPEG")
    assert torch.equal(read(tmp_path), torch.full((1, 3, 6, 4), 255, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("content", "images"),
    [
        (COLOUR, COLOUR),
        (COLOUR.transpose(0, 2, 3, 1), COLOUR),
        (GREY[:, 0], GREY),
        ((COLOUR / 127.5 - 1).astype(np.float32), COLOUR),
        ((COLOUR / 127.5 - 1).astype(np.float64), COLOUR),
    ],
    ids=["channels first", "channels last", "no channels", "float32", "float64"],
)
def test_an_array_is_read_with_channels_first_or_last(
    tmp_path: Path, content: np.ndarray, images: np.ndarray
) -> None:
    path = array(tmp_path / "x.npy", content)
    for shape in (None, images.shape[1:]):
        assert np.array_equal(to_rest(read(path, shape)).numpy(), images)


def test_points_are_read_as_they_are(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(7, 2))
    found = read(array(tmp_path / "x.npy", points), (2,))
    assert torch.equal(found, torch.from_numpy(points).float())
    columns = table(tmp_path / "x.parquet", a=points[:, 0], b=points[:, 1])
    assert torch.equal(read(columns, (2,)), found)


@pytest.mark.parametrize("packed", [False, True])
def test_a_table_of_encoded_images_is_read(tmp_path: Path, packed: bool) -> None:
    encoded = []
    for image in COLOUR:
        buffer = io.BytesIO()
        Image.fromarray(image.transpose(1, 2, 0)).save(buffer, "PNG")
        data = buffer.getvalue()
        encoded.append({"bytes": data, "path": None} if packed else data)
    path = table(tmp_path / "x.parquet", image=encoded)
    assert np.array_equal(to_rest(read(path, (3, 6, 4))).numpy(), COLOUR)


def small(path: Path) -> Path:
    return array(path / "x.npy", COLOUR)


def of_floats(values: np.ndarray) -> Callable[[Path], Path]:
    return lambda folder: array(folder / "x.npy", values.astype(np.float32))


def alpha(folder: Path) -> Path:
    Image.fromarray(np.zeros((6, 4, 4), np.uint8)).save(folder / "a.png")
    return folder


def animated(folder: Path) -> Path:
    frames = [Image.fromarray(np.full((6, 4, 3), grey, np.uint8)) for grey in (0, 255)]
    frames[0].save(folder / "a.webp", save_all=True, append_images=frames[1:])
    return folder


def other_format(folder: Path) -> Path:
    Image.fromarray(np.zeros((6, 4, 3), np.uint8)).save(folder / "a.bmp")
    return folder


def disguised(folder: Path) -> Path:
    Image.fromarray(np.zeros((6, 4, 3), np.uint8)).save(folder / "a.png", "BMP")
    return folder


def archive(folder: Path) -> Path:
    np.savez(folder / "x.npz", a=COLOUR, b=COLOUR)
    return (folder / "x.npz").rename(folder / "x.npy")


def empty(folder: Path) -> Path:
    (folder / "x.npy").write_bytes(b"")
    return folder / "x.npy"


def torn(folder: Path) -> Path:
    saved(folder, COLOUR)
    path = folder / "002.png"
    path.write_bytes(path.read_bytes()[:60])
    return folder


def two_sizes(folder: Path) -> Path:
    saved(folder, COLOUR)
    Image.fromarray(np.zeros((5, 4, 3), np.uint8)).save(folder / "zz.png")
    return folder


def pickled(folder: Path) -> Path:
    np.save(folder / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    return folder / "x.npy"


def garbage(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(b"not at all")
        return folder / name

    return make


def with_nan(folder: Path) -> Path:
    values = np.full((3, 3, 6, 4), -0.5)
    values[0, 0, 0, 0] = np.nan
    return of_floats(values)(folder)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "nowhere", "There are no samples at .*nowhere"),
        (lambda folder: folder, r"There is no image in .* no \.png, \.jpg, \.jpeg, \.webp file"),
        (garbage("x.txt"), r"a folder of images, a \.npy file or a \.parquet file, not 'x\.txt'"),
        (garbage("x.npy"), r"x\.npy cannot be read as an array"),
        (garbage("x.parquet"), r"x\.parquet cannot be read as Parquet"),
        (pickled, r"x\.npy cannot be read as an array"),
        (torn, r"002\.png cannot be read as an image"),
        (two_sizes, r"zz\.png is an image of 5x4 RGB pixels; it has to be one of 6x4 RGB pixels"),
        (animated, r"a\.webp is animated: which of its images is the sample"),
        (other_format, r"a\.bmp is no sample: images are read from \.png, \.jpg"),
        (disguised, r"a\.png cannot be read as an image: it is no PNG, JPEG or WebP"),
        (empty, r"x\.npy cannot be read as an array"),
        (archive, r"x\.npy is an archive of several arrays"),
        (lambda f: table(f / "x.parquet", image=[b"", None]), "row 1: the column 'image' holds"),
        (alpha, r"a\.png is an image of mode RGBA: samples are 8 bits of grey or RGB"),
        (of_floats(COLOUR / 255), r"floats from 0 to \S+, hardly any of them negative.*2 \* x - 1"),
        (of_floats(COLOUR - 100.0), r"floats from -100 to 15\d, but images of floats are in"),
        (with_nan, "1 of 216 values are NaN or infinite"),
        (lambda f: array(f / "x.npy", COLOUR.astype(np.int64)), "holds int64: images are uint8"),
        (lambda f: array(f / "x.npy", COLOUR[:0]), r"holds no samples: its shape is \(0, 3,"),
        (lambda f: array(f / "x.npy", np.zeros((2, 3, 4, 5, 6))), "no images and no points"),
        (lambda f: table(f / "x.parquet", name=["a", "b"]), "needs a column 'image'"),
    ],
)  # fmt: skip
def test_what_is_no_samples_is_refused_by_name(
    tmp_path: Path, make: Callable[[Path], Path], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        read(make(tmp_path))


def test_examples_of_another_shape_than_the_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"examples of shape \(3, 6, 4\); .* \(3, 8, 8\)"):
        read(small(tmp_path), (3, 8, 8))


def test_no_array_is_scaled_by_its_own_extremes(tmp_path: Path) -> None:
    # A tool that does hides that these never come near black or white.
    x = read(of_floats(np.linspace(-0.1, 0.2, 72).reshape(1, 3, 6, 4))(tmp_path))
    assert (float(x.min()), float(x.max())) == pytest.approx((-0.1, 0.2))


def test_floats_a_little_outside_are_clipped_later_and_counted(tmp_path: Path) -> None:
    x = read(of_floats(np.linspace(-1.2, 1.2, 72).reshape(1, 3, 6, 4))(tmp_path))
    assert float(x.max()) == pytest.approx(1.2)
