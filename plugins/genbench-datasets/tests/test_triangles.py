from __future__ import annotations

import pytest
import torch

from genbench import data, options
from genbench.contract import Dataset, Splits
from genbench.errors import UsageError
from genbench_datasets.triangle_manifold import LEAST, MOST, rendered
from genbench_datasets.triangles import Triangles, parameters

SIZES = (20_000, 5_000, 5_000)


@pytest.fixture(scope="module")
def splits() -> Splits:
    return Triangles().load()


def test_it_is_a_data_set_with_a_manifold() -> None:
    assert isinstance(Triangles(), Dataset)
    assert Triangles().manifold.bins == 6**4


def test_images_are_grey_uint8_and_have_no_labels(splits: Splits) -> None:
    for split, size in zip(splits, SIZES, strict=True):
        assert split.x.shape == (size, 1, 28, 28)
        assert split.x.dtype == torch.uint8
        assert split.y is None


def test_the_content_is_the_one_that_the_fingerprint_was_taken_of(splits: Splits) -> None:
    assert data.fingerprint(splits) == Triangles().fingerprint


def test_no_pixel_is_near_to_where_its_rounding_turns() -> None:
    # Machines differ near 1e-13 of a level, the last digits of numbers up to 255.
    for split, size in zip(Splits._fields, SIZES, strict=True):
        for block in parameters(split, size).split(1000):
            level = 255 * rendered(block)[0]
            assert (level - level.floor() - 0.5).abs().min() > 1e-10


def test_no_triangle_is_in_two_splits_or_twice_in_one(splits: Splits) -> None:
    contents = [{image.numpy().tobytes() for image in split.x} for split in splits]
    assert len(set.union(*contents)) == sum(SIZES)


def test_parameters_are_uniform_over_their_ranges() -> None:
    share = (parameters("train", 20_000) - LEAST) / (MOST - LEAST)
    assert share.min() >= 0
    assert share.max() < 1
    even = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    for column in share.unbind(1):  # Kolmogorov and Smirnov's distance, at odds of a thousand
        assert (column.sort().values - even).abs().max() < 1.95 / 20_000**0.5
    assert (share.T.corrcoef() - torch.eye(4)).abs().max() < 4 / 20_000**0.5


def test_no_triangle_is_cut_off_by_the_edge_of_the_image(splits: Splits) -> None:
    for split in splits:
        edge = split.x.clone()
        edge[..., 1:-1, 1:-1] = 0
        # a corner at a pixel's distance from the edge is half a pixel from the middles there, so
        # a quarter of one outside of both its sides
        assert int(edge.max()) <= 64


def test_fewer_training_examples_are_the_first_ones_and_leave_the_others(splits: Splits) -> None:
    fewer = Triangles(size=333).load()
    assert torch.equal(fewer.train.x, splits.train.x[:333])
    assert torch.equal(fewer.test.x, splits.test.x)


def test_another_size_declares_no_fingerprint_and_loads() -> None:
    loaded = data.load("triangles", Triangles(size=7), torch.device("cpu"))
    assert loaded.spec.size == 7
    assert loaded.spec.levels == 256
    assert loaded.fingerprint != Triangles().fingerprint


def test_a_size_of_none_is_refused() -> None:
    with pytest.raises(UsageError, match="'size' of the data set takes int"):
        options.resolve("data set", Triangles, {"size": 0})
