from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pytest
import sklearn.datasets
import torch

from genbench import data
from genbench.contract import Dataset, Splits
from genbench.errors import GenbenchError
from genbench_datasets.digits import Digits, images


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    images.cache_clear()
    yield
    images.cache_clear()


@pytest.fixture(scope="module")
def splits() -> Splits:
    return Digits().load()


@pytest.fixture
def reversed_source(monkeypatch: pytest.MonkeyPatch) -> None:
    source = sklearn.datasets.load_digits()
    source.images, source.target = source.images[::-1], source.target[::-1]
    monkeypatch.setattr(sklearn.datasets, "load_digits", lambda: source)


def test_digits_is_a_data_set() -> None:
    assert isinstance(Digits(), Dataset)


def test_images_are_uint8_with_one_channel_and_labels_are_int64(splits: Splits) -> None:
    for split, size in zip(splits, (898, 180, 719), strict=True):
        assert split.x.shape == (size, 1, 8, 8)
        assert split.x.dtype == torch.uint8
        assert split.y is not None
        assert split.y.shape == (size,)
        assert split.y.dtype == torch.int64
        assert set(split.y.tolist()) == set(range(Digits.classes))


def test_pixels_take_seventeen_levels_evenly_over_the_range(splits: Splits) -> None:
    levels = torch.cat([split.x for split in splits]).unique()
    assert len(levels) == Digits.levels
    even = torch.linspace(0, 255, Digits.levels)
    assert (levels - even).abs().max() <= 0.5


def test_the_three_splits_share_no_image_and_miss_none(splits: Splits) -> None:
    images = [{image.numpy().tobytes() for image in split.x} for split in splits]
    assert len(set.union(*images)) == sum(map(len, images)) == 1797


def test_labels_stay_with_their_images(splits: Splits) -> None:
    source = sklearn.datasets.load_digits()
    label = {
        image.tobytes(): int(y)
        for image, y in zip(np.rint(source.images * 255 / 16), source.target, strict=True)
    }
    for split in splits:
        assert split.y is not None
        for image, y in zip(split.x.double().numpy(), split.y.tolist(), strict=True):
            assert label[image.tobytes()] == y


def test_every_class_has_its_share_of_every_split(splits: Splits) -> None:
    counts = np.array([np.bincount(split.y) for split in splits])  # (3, 10)
    sizes = counts.sum(1, keepdims=True)
    share = counts.sum(0) * sizes / sizes.sum()
    assert np.abs(counts - share).max() < 1.1


def test_a_split_is_not_sorted_by_class(splits: Splits) -> None:
    for split in splits:
        assert split.y is not None
        assert len(set(split.y[:60].tolist())) == 10


def test_the_content_is_the_one_that_the_fingerprint_was_taken_of(splits: Splits) -> None:
    assert data.fingerprint(splits) == Digits.fingerprint


def test_the_order_of_the_source_changes_nothing(reversed_source: None) -> None:
    assert data.fingerprint(Digits().load()) == Digits.fingerprint


def test_a_source_with_one_other_pixel_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    source = sklearn.datasets.load_digits()
    source.images[0, 0, 0] += 1
    monkeypatch.setattr(sklearn.datasets, "load_digits", lambda: source)
    with pytest.raises(GenbenchError, match=r"digits.*fingerprint"):
        data.load("digits", Digits(), torch.device("cpu"))


def test_images_are_ordered_by_their_hash(splits: Splits) -> None:
    for split in splits:
        hashes = [hashlib.sha256(image.numpy().tobytes()).digest() for image in split.x]
        assert hashes == sorted(hashes)
