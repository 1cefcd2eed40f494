from __future__ import annotations

import pytest
import torch

from genbench import data, options
from genbench.contract import Dataset, Splits
from genbench.errors import UsageError
from genbench_datasets.digits import Digits
from genbench_datasets.stacked_digits import StackedDigits

SIZES = (50_000, 10_000, 10_000)


@pytest.fixture(scope="module")
def splits() -> Splits:
    return StackedDigits().load()


def contents(x: torch.Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in x}


def test_it_is_a_data_set() -> None:
    assert isinstance(StackedDigits(), Dataset)


def test_images_are_uint8_with_three_channels_and_labels_are_int64(splits: Splits) -> None:
    for split, size in zip(splits, SIZES, strict=True):
        assert split.x.shape == (size, 3, 8, 8)
        assert split.x.dtype == torch.uint8
        assert split.y is not None
        assert split.y.shape == (size,)
        assert split.y.dtype == torch.int64


def test_every_channel_is_the_digit_that_its_place_in_the_label_says(splits: Splits) -> None:
    for split, source in zip(splits, Digits().load(), strict=True):
        assert split.y is not None
        assert source.y is not None
        digit = {image.numpy().tobytes(): int(y) for image, y in zip(*source, strict=True)}
        for images, number in zip(split.x[:2000], split.y[:2000].tolist(), strict=True):
            read = "".join(str(digit[image.numpy().tobytes()]) for image in images)
            assert int(read) == number


def test_splits_share_no_digit_and_use_all_of_their_own(splits: Splits) -> None:
    used = [contents(split.x.flatten(0, 1)) for split in splits]
    assert used == [contents(split.x) for split in Digits().load()]
    assert len(set.union(*used)) == sum(map(len, used))


def test_every_number_has_its_share_of_every_split(splits: Splits) -> None:
    for split in splits:
        counts = torch.bincount(split.y, minlength=1000)
        assert len(counts) == 1000
        assert counts.max() - counts.min() <= 1


def test_the_channels_of_an_example_are_drawn_apart(splits: Splits) -> None:
    # of 49 or so images with the label 777, no two share two channels by more than chance
    assert splits.train.y is not None
    sevens = splits.train.x[splits.train.y == 777].flatten(2)
    for channel in range(3):
        assert len(sevens[:, channel].unique(dim=0)) > 30
    same = (sevens[:, None] == sevens[None]).all(3).sum(2)  # channels in common
    same.fill_diagonal_(0)
    assert same.max() <= 1


def test_images_of_a_class_are_drawn_evenly(splits: Splits) -> None:
    digits = Digits().load().train
    assert digits.y is not None
    ours, counts = splits.train.x.flatten(0, 1).flatten(1).unique(dim=0, return_counts=True)
    index = {row.numpy().tobytes(): int(n) for row, n in zip(ours, counts, strict=True)}
    drawn = torch.tensor([index[image.numpy().tobytes()] for image in digits.x]).double()
    expected = 15_000 / torch.bincount(digits.y)[digits.y].double()
    chi_squared = ((drawn - expected) ** 2 / expected).sum().item()
    assert abs(chi_squared - 888) < 4 * (2 * 888) ** 0.5  # 898 images less ten classes


def test_the_content_is_the_one_that_the_fingerprint_was_taken_of(splits: Splits) -> None:
    assert data.fingerprint(splits) == StackedDigits().fingerprint


def test_fewer_training_examples_are_the_first_ones_and_leave_the_others(splits: Splits) -> None:
    fewer = StackedDigits(size=1234).load()
    assert torch.equal(fewer.train.x, splits.train.x[:1234])
    assert torch.equal(fewer.test.x, splits.test.x)


def test_another_size_declares_no_fingerprint_and_loads() -> None:
    loaded = data.load("stacked-digits", StackedDigits(size=1000), torch.device("cpu"))
    assert loaded.spec.size == 1000
    assert loaded.spec.levels == 17
    assert loaded.fingerprint != StackedDigits().fingerprint


def test_a_size_that_leaves_a_number_out_is_refused() -> None:
    with pytest.raises(UsageError, match="'size' of the data set takes int"):
        options.resolve("data set", StackedDigits, {"size": 999})
