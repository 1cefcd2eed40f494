"""The picture of samples and reconstructions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genbench.listeners.pictures import COLUMNS, GAP, draw


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "L"), (3, "RGB"), (4, "L")])
def test_grey_and_colour_images_have_a_picture(channels: int, mode: str) -> None:
    picture = draw([torch.zeros(7, channels, 8, 8, dtype=torch.uint8)])
    assert picture.mode == mode


def test_every_image_stands_where_it_belongs_unchanged() -> None:
    x = torch.arange(COLUMNS + 3, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 8, 8) * 10
    picture = draw([x])
    factor = picture.width // (COLUMNS * (8 + GAP) + GAP)
    pixels = np.asarray(picture)[::factor, ::factor]
    for position in range(len(x)):
        row, column = divmod(position, COLUMNS)
        top, left = row * (8 + GAP) + GAP, column * (8 + GAP) + GAP
        assert (pixels[top : top + 8, left : left + 8] == 10 * position).all()


def test_small_images_are_enlarged_by_a_whole_factor_and_large_ones_are_not() -> None:
    assert draw([torch.zeros(10, 1, 8, 8, dtype=torch.uint8)]).width > 600
    assert draw([torch.zeros(10, 3, 128, 128, dtype=torch.uint8)]).width == 10 * 130 + 2
