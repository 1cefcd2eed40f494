"""An image file as numbers. Imports no torch: worker processes that decode start with it."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import PIL
from PIL import Image, UnidentifiedImageError, features

Crop = Literal["center", "none"]
Channels = Literal["rgb", "grey"]

FORMATS = {
    ".png": ("PNG",),
    ".jpg": ("JPEG",),
    ".jpeg": ("JPEG",),
    ".webp": ("WEBP",),
}
"""What a file may hold, by how its name ends."""

ORIENTATION = 0x0112
"""The tag of EXIF that says how a camera was held (CIPA DC-008, section 4.6.4)."""

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns an image upright, by its orientation."""


class UnreadableError(Exception):
    """An image that cannot be decoded: why not."""


@dataclass(frozen=True)
class Form:
    """What images are brought to."""

    size: int | None
    """Pixels along each side of a square; None: as they are."""
    crop: Crop
    """``center``: the largest square in the middle; ``none``: all of it, squeezed to a square."""
    channels: Channels

    def identity(self) -> dict[str, Any]:
        """All that decides which numbers a file becomes, the libraries that decode among it."""
        libraries = {name: features.version(name) for name in ("libjpeg_turbo", "jpg", "webp")}
        return {**asdict(self), "pillow": PIL.__version__, **libraries}


def decode(path: Path, form: Form) -> np.ndarray:
    """The pixels of a PNG, JPEG or WebP file, uint8 (C, H, W).

    - It is turned upright by its EXIF orientation, then cut, then resized.
    - Palettes become the colours that they stand for. What is transparent is laid over white.
    - Of 16 bits the upper 8 are kept. CMYK becomes RGB without a colour profile: profiles are not
      applied to any image.
    - Grey is the luma of ITU-R BT.601; a grey image in three channels has three equal ones.
    - Resizing is Pillow's bicubic filter, whose support grows with the factor that it shrinks by:
      the one of those in use that does not alias (Parmar, Zhang and Zhu, "On Aliased Resizing and
      Surprising Subtleties in GAN Evaluation", 2022).

    Raises:
        UnreadableError: a damaged file, another format than its name says, several frames, or more
            pixels than Pillow takes for an attack (``Image.MAX_IMAGE_PIXELS``).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of EXIF and the like, which say nothing of pixels
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS[path.suffix.lower()]) as image:
                frames = getattr(image, "n_frames", 1)
                # MPO is a JPEG with others behind it, such as a preview: telephones make them.
                if frames > 1 and image.format != "MPO":
                    raise UnreadableError(f"it has {frames} frames")
                turn = UPRIGHT.get(image.getexif().get(ORIENTATION, 1))
                flat = _flat(image, form.channels)
            upright = flat if turn is None else flat.transpose(turn)
            pixels = np.asarray(_fitted(upright, form))
    except UnreadableError:
        raise
    except UnidentifiedImageError:
        raise UnreadableError(_held(path)) from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UnreadableError(f"it unpacks to too much: {error}") from None
    except Exception as error:  # decoders raise whatever they stumble over
        raise UnreadableError(str(error) or type(error).__name__) from error
    return pixels.transpose(2, 0, 1) if pixels.ndim == 3 else pixels[None]


def _flat(image: Image.Image, channels: Channels) -> Image.Image:
    """Eight bits in one or three channels, without alpha."""
    image.load()
    if image.mode.startswith("I"):  # PNG's 16 bits of grey
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    mode = "RGB" if channels == "rgb" else "L"
    return image if image.mode == mode else image.convert(mode)


def _fitted(image: Image.Image, form: Form) -> Image.Image:
    if form.size is None:
        return image
    box = (0, 0, *image.size)
    if form.crop == "center":
        side = min(image.size)
        left, top = ((length - side) // 2 for length in image.size)
        box = (left, top, left + side, top + side)
    return image.resize((form.size, form.size), Image.Resampling.BICUBIC, box)


def _held(path: Path) -> str:
    """What a file holds that is not what its name says."""
    if path.stat().st_size == 0:
        return "it is empty"
    try:
        with Image.open(path) as image:
            return f"by its content it is {image.format}: rename or convert it"
    except Exception:
        return "it is no image"
