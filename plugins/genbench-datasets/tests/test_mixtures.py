from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
import torch

from genbench import data, options
from genbench.contract import Dataset, Splits
from genbench.errors import UsageError
from genbench_datasets import mixture
from genbench_datasets.grid import Grid
from genbench_datasets.ring import Ring

MIXTURES = (("ring", Ring), ("grid", Grid))
SIZES = (100_000, 2_500, 2_500)


@pytest.fixture(scope="module", params=MIXTURES, ids=lambda pair: pair[0])
def named(request: pytest.FixtureRequest) -> tuple[str, type[Ring | Grid]]:
    return request.param


@pytest.fixture(scope="module")
def kind(named: tuple[str, type[Ring | Grid]]) -> type[Ring | Grid]:
    return named[1]


@pytest.fixture(scope="module")
def splits(kind: type[Ring | Grid]) -> Splits:
    return kind().load()


def test_it_is_a_data_set(kind: type[Ring | Grid]) -> None:
    assert isinstance(kind(), Dataset)


def test_points_are_float32_in_the_plane_and_labels_are_int64(
    kind: type[Ring | Grid], splits: Splits
) -> None:
    for split, size in zip(splits, SIZES, strict=True):
        assert split.x.shape == (size, 2)
        assert split.x.dtype == torch.float32
        assert split.y is not None
        assert split.y.shape == (size,)
        assert split.y.dtype == torch.int64
        assert set(split.y.tolist()) == set(range(kind.classes))


def test_the_content_is_the_one_that_the_fingerprint_was_taken_of(
    kind: type[Ring | Grid], splits: Splits
) -> None:
    assert data.fingerprint(splits) == kind().fingerprint


def test_no_number_is_near_to_where_its_rounding_turns(
    named: tuple[str, type[Ring | Grid]],
) -> None:
    # Machines differ near 1e-15, the last digit of numbers up to 5: a hundred times less.
    name, kind = named
    for split, size in zip(Splits._fields, SIZES, strict=True):
        seed = f"{name}/{split}"
        y = mixture.labels(seed, kind.classes, size)
        exact = mixture.exact(seed, kind.centres, kind.std, y) / mixture.GRID
        from_the_turn = np.abs(np.abs(exact - np.rint(exact)) - 0.5) * mixture.GRID
        assert from_the_turn.min() > 1e-13


def test_numbers_are_multiples_of_a_power_of_two(splits: Splits) -> None:
    for split in splits:
        scaled = split.x.double() * 2**20
        assert torch.equal(scaled, scaled.round())


def test_no_example_is_in_two_splits_or_twice_in_one(splits: Splits) -> None:
    contents = [{row.tobytes() for row in split.x.numpy()} for split in splits]
    assert [len(content) for content in contents] == list(SIZES)
    assert len(set.union(*contents)) == sum(SIZES)


def test_every_component_has_its_share_of_every_split(
    kind: type[Ring | Grid], splits: Splits
) -> None:
    for split in splits:
        counts = torch.bincount(split.y)
        assert counts.max() - counts.min() <= 1


def test_every_stride_meets_all_components(kind: type[Ring | Grid], splits: Splits) -> None:
    assert splits.train.y is not None
    for stride in (kind.classes, 2 * kind.classes, 100):
        assert len(splits.train.y[::stride].unique()) == kind.classes


def test_points_are_normal_around_the_centre_of_their_component(
    kind: type[Ring | Grid], splits: Splits
) -> None:
    x, y = splits.train
    assert y is not None
    z = (x.double() - torch.tensor(kind.centres, dtype=torch.float64)[y]) / kind.std
    n = len(z)
    # Four standard errors of each moment of a normal: variances 1, 2, 96 and, for a product, 1.
    assert z.mean(0).abs().max() < 4 / math.sqrt(n)
    assert (z.square().mean(0) - 1).abs().max() < 4 * math.sqrt(2 / n)
    assert (z**4).mean(0).sub(3).abs().max() < 4 * math.sqrt(96 / n)
    assert z.prod(1).mean().abs() < 4 / math.sqrt(n)
    # In the plane the share within 3 standard deviations is 1 - exp(-9/2).
    share = (z.norm(dim=1) <= 3).double().mean().item()
    assert share == pytest.approx(1 - math.exp(-4.5), abs=4 * math.sqrt(0.011 / n))


def test_the_ring_is_that_of_the_papers() -> None:
    centres = torch.tensor(Ring.centres)
    torch.testing.assert_close(centres.norm(dim=1), torch.ones(8))
    torch.testing.assert_close(centres[2], torch.tensor([0.0, 1.0]))
    neighbours = (centres - centres.roll(1, 0)).norm(dim=1)
    torch.testing.assert_close(neighbours, torch.full((8,), 2 * math.sin(math.pi / 8)))
    assert Ring.std**2 == pytest.approx(1e-4)


def test_the_grid_is_that_of_the_papers() -> None:
    assert set(Grid.centres) == {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert Grid.std**2 == pytest.approx(0.0025)


def test_fewer_training_examples_are_the_first_ones_and_leave_the_others(
    kind: type[Ring | Grid], splits: Splits
) -> None:
    fewer = kind(size=333).load()
    assert torch.equal(fewer.train.x, splits.train.x[:333])
    assert torch.equal(fewer.train.y, splits.train.y[:333])
    for ours, theirs in zip(fewer[1:], splits[1:], strict=True):
        assert torch.equal(ours.x, theirs.x)


def test_another_size_declares_no_fingerprint_and_loads(
    named: tuple[str, type[Ring | Grid]],
) -> None:
    name, kind = named
    loaded = data.load(name, kind(size=200), torch.device("cpu"))
    assert loaded.spec.size == 200
    assert loaded.fingerprint != kind().fingerprint


def test_a_size_that_leaves_a_component_out_is_refused(kind: type[Ring | Grid]) -> None:
    with pytest.raises(UsageError, match="'size' of the data set takes int"):
        options.resolve("data set", kind, {"size": kind.classes - 1})


def test_normal_numbers_are_made_of_the_hash_of_a_text() -> None:
    digest = hashlib.shake_256(b"a text").digest(16)
    first, second = (int.from_bytes(part, "little") for part in (digest[:8], digest[8:]))
    u, v = ((first >> 11) + 1) / 2**53, ((second >> 11) + 1) / 2**53
    radius = math.sqrt(-2 * math.log(u))
    expected = [radius * math.cos(math.tau * v), radius * math.sin(math.tau * v)]
    np.testing.assert_allclose(mixture.normal_pairs("a text", 1)[0], expected, rtol=1e-12)
