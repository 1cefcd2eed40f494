from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from genbench_datasets.image_decoding import ORIENTATION, Form, UnreadableError, decode

AS_IT_IS = Form(None, "center", "rgb")
GREY = Form(None, "center", "grey")


def picture(height: int = 6, width: int = 4, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (height, width, channels), np.uint8).squeeze(
        -1 if channels == 1 else ()
    )


def saved(path: Path, array: np.ndarray | Image.Image, **arguments: Any) -> Path:
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(path, **arguments)
    return path


@pytest.mark.parametrize(("name", "options"), [("a.png", {}), ("a.webp", {"lossless": True})])
def test_what_is_lossless_comes_back_as_it_was(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    pixels = decode(saved(tmp_path / name, picture(), **options), AS_IT_IS)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, picture().transpose(2, 0, 1))


def test_a_jpeg_of_one_colour_has_that_colour(tmp_path: Path) -> None:
    array = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    pixels = decode(saved(tmp_path / "a.JPG", array, format="JPEG", quality=95), AS_IT_IS)
    assert np.abs(pixels.astype(int) - np.array([200, 100, 50])[:, None, None]).max() <= 2


def test_grey_images_and_colour_images_become_what_is_asked_for(tmp_path: Path) -> None:
    grey = saved(tmp_path / "grey.png", picture(channels=1))
    colour = saved(tmp_path / "colour.png", picture())
    assert decode(grey, GREY).shape == (1, 6, 4)
    np.testing.assert_array_equal(decode(grey, AS_IT_IS), np.stack([picture(channels=1)] * 3))
    red, green, blue = picture().transpose(2, 0, 1).astype(float)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue  # ITU-R BT.601
    assert np.abs(decode(colour, GREY)[0] - luma).max() <= 1


def test_a_palette_becomes_its_colours(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8), "P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    pixels = decode(saved(tmp_path / "a.png", image), AS_IT_IS)
    assert pixels[:, 0].T.tolist() == [[10, 20, 30], [40, 50, 60]]
    assert pixels[:, 1].T.tolist() == [[70, 80, 90], [10, 20, 30]]


def test_a_transparent_colour_of_a_palette_is_white(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    pixels = decode(saved(tmp_path / "a.png", image, transparency=0), AS_IT_IS)
    assert pixels[:, 0].T.tolist() == [[255, 255, 255], [40, 50, 60]]


def test_what_is_transparent_is_laid_over_white(tmp_path: Path) -> None:
    array = np.array([[[100, 0, 0, 0], [100, 0, 0, 255], [100, 0, 0, 51]]], np.uint8)
    pixels = decode(saved(tmp_path / "a.png", array), AS_IT_IS)
    # A fifth of the colour and four fifths of white: 0.2 * 100 + 0.8 * 255, 0.8 * 255.
    assert pixels[:, 0].T.tolist() == [[255, 255, 255], [100, 0, 0], [224, 204, 204]]
    array = np.array([[[100, 0], [100, 255]]], np.uint8)
    assert decode(saved(tmp_path / "b.png", array), GREY).tolist() == [[[255, 100]]]


def test_of_sixteen_bits_the_upper_eight_are_kept(tmp_path: Path) -> None:
    array = np.array([[0, 255, 256, 65_535, 0x1234]], np.uint16)
    pixels = decode(saved(tmp_path / "a.png", array), GREY)
    assert pixels.tolist() == [[[0, 0, 1, 255, 0x12]]]
    assert decode(saved(tmp_path / "a.png", array), AS_IT_IS).shape == (3, 1, 5)


def test_of_sixteen_bits_in_colour_the_upper_eight_are_kept(tmp_path: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    row = b"\0" + struct.pack(">3H", 0x12FF, 0x3400, 0xFFFF)
    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row))
        + chunk(b"IEND", b"")
    )
    assert decode(path, AS_IT_IS).flatten().tolist() == [0x12, 0x34, 0xFF]


def test_black_and_white_and_cmyk_are_taken(tmp_path: Path) -> None:
    bits = Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1")
    assert decode(saved(tmp_path / "a.png", bits), GREY).tolist() == [[[0, 255]]]
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    pixels = decode(saved(tmp_path / "a.jpg", cmyk, quality=95), AS_IT_IS)
    assert np.abs(pixels[:, 8, 8].astype(int) - [255, 0, 0]).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_image_is_turned_upright(tmp_path: Path, orientation: int) -> None:
    upright = picture()
    stored = {  # EXIF says where row 0 and column 0 of what is stored belong
        1: upright,
        2: upright[:, ::-1],  # top, right
        3: upright[::-1, ::-1],  # bottom, right
        4: upright[::-1],  # bottom, left
        5: upright.transpose(1, 0, 2),  # left, top
        6: upright.transpose(1, 0, 2)[::-1],  # right, top
        7: upright.transpose(1, 0, 2)[::-1, ::-1],  # right, bottom
        8: upright.transpose(1, 0, 2)[:, ::-1],  # left, bottom
    }[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = saved(tmp_path / "a.png", np.ascontiguousarray(stored), exif=exif)
    np.testing.assert_array_equal(decode(path, AS_IT_IS), upright.transpose(2, 0, 1))


def test_the_centre_is_cut_and_not_resampled_where_it_fits(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", picture(7, 4))
    pixels = decode(path, Form(4, "center", "rgb"))
    np.testing.assert_array_equal(pixels, picture(7, 4)[1:5].transpose(2, 0, 1))


def test_without_a_crop_all_of_it_is_squeezed(tmp_path: Path) -> None:
    array = np.zeros((8, 16, 3), np.uint8)
    array[:, 8:] = 255  # the right half is white, also of what becomes a square
    path = saved(tmp_path / "a.png", array)
    squeezed = decode(path, Form(4, "none", "grey"))
    assert squeezed[0, :, 0].tolist() == [0] * 4
    assert squeezed[0, :, 3].tolist() == [255] * 4
    cut = decode(path, Form(8, "center", "grey"))
    assert cut[0, 0].tolist() == [0] * 4 + [255] * 4


def test_shrinking_does_not_alias(tmp_path: Path) -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255  # finer than what 8 pixels can hold: their mean is all that is left
    pixels = decode(saved(tmp_path / "a.png", stripes), Form(8, "center", "grey"))
    assert np.abs(pixels.astype(float) - 127.5).max() <= 8


def test_the_first_image_of_a_telephone_s_jpeg_is_taken(tmp_path: Path) -> None:
    first, second = (Image.new("RGB", (16, 16), colour) for colour in ("red", "blue"))
    path = tmp_path / "a.jpg"
    first.save(path, format="MPO", save_all=True, append_images=[second], quality=95)
    pixels = decode(path, AS_IT_IS)
    assert pixels[0].min() > 250
    assert pixels[2].max() < 5


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / name, picture(64, 64))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(UnreadableError, match=r".+"):
        decode(path, AS_IT_IS)


def test_a_png_whose_pixels_were_damaged_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", picture(64, 64))
    content = bytearray(path.read_bytes())
    content[200:260] = bytes(60)
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=r".+"):
        decode(path, AS_IT_IS)


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "it is empty"), (b"GIF is no text", "it is no image")]
)
def test_what_is_no_image_is_told(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=why):
        decode(path, AS_IT_IS)


@pytest.mark.parametrize("format_", ["PNG", "GIF"])
def test_a_name_that_does_not_tell_the_truth_is_told(tmp_path: Path, format_: str) -> None:
    path = saved(tmp_path / "a.jpg", picture(), format=format_)
    with pytest.raises(UnreadableError, match=f"it is {format_}: rename or convert it"):
        decode(path, AS_IT_IS)


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_several_frames_are_refused(tmp_path: Path, name: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    with pytest.raises(UnreadableError, match="it has 3 frames"):
        decode(tmp_path / name, AS_IT_IS)


@pytest.mark.parametrize("side", [10_000, 100_000])
def test_an_image_that_would_unpack_to_gigabytes_is_refused(tmp_path: Path, side: int) -> None:
    path = saved(tmp_path / "a.png", picture())
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", side, side)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=r"unpacks to too much: Image size"):
        decode(path, AS_IT_IS)


def test_metadata_that_is_damaged_says_nothing_of_the_pixels(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", picture(), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12")
    assert decode(path, AS_IT_IS).shape == (3, 6, 4)
