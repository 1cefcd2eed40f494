"""Data on the device: conversion, order, fingerprints, and what a data set must not give."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from genbench import data
from genbench.contract import Examples, Splits
from genbench.data import DeviceSplit, Order
from genbench.errors import ContractError, GenbenchError

CPU = torch.device("cpu")


class Given:
    """A data set of what it is given."""

    levels = 256
    extractor = None

    def __init__(self, splits: Any, classes: int = 0) -> None:
        self.splits = splits
        self.classes = classes

    def load(self) -> Splits:
        return self.splits


def images(n: int = 4, value: int = 0) -> Tensor:
    """n images, each of its own; other values, other images."""
    x = torch.full((n, 1, 8, 8), value, dtype=torch.uint8)
    x[:, 0, 0, 0] = torch.arange(n)
    return x


def splits(train: Tensor | None = None, y: Tensor | None = None) -> Splits:
    first = Examples(images() if train is None else train, y)
    return Splits(first, Examples(images(2, 100), y), Examples(images(3, 200), y))


def test_every_uint8_value_survives_the_way_to_the_model_and_back() -> None:
    x = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    there = data.to_model(x)
    assert (there.min(), there.max()) == (-1, 1)
    assert torch.equal(data.to_rest(there), x)


def test_what_is_outside_the_range_is_clipped_at_rest() -> None:
    x = torch.tensor([-3.0, -1.0, 1.0, 3.0])
    assert data.to_rest(x).tolist() == [0, 0, 255, 255]


def test_points_are_the_same_in_both_places() -> None:
    x = torch.randn(5, 2)
    assert data.to_model(x) is x


def test_an_epoch_shows_every_example_once() -> None:
    order = Order(10, seed=3, device=CPU)
    drawn = torch.cat([order.draw(4) for _ in range(5)])
    assert sorted(drawn[:10].tolist()) == sorted(drawn[10:].tolist()) == list(range(10))
    assert drawn[:10].tolist() != drawn[10:].tolist()


def test_the_order_goes_on_from_its_position_alone() -> None:
    order = Order(10, seed=3, device=CPU)
    order.draw(7)
    rest = Order(10, seed=3, device=CPU, position=7)
    assert torch.equal(order.draw(25), rest.draw(25))


def test_the_order_does_not_depend_on_the_batch_size() -> None:
    small, large = Order(10, 3, CPU), Order(10, 3, CPU)
    assert torch.equal(torch.cat([small.draw(3) for _ in range(8)]), large.draw(24))


def test_batches_come_in_order_and_the_last_may_be_smaller() -> None:
    x = torch.arange(5.0)[:, None]
    split = DeviceSplit("train", Examples(x, torch.arange(5)), CPU)
    batches = list(split.batches(2))
    assert [len(batch.x) for batch in batches] == [2, 2, 1]
    assert torch.cat([batch.y for batch in batches if batch.y is not None]).tolist() == [
        0, 1, 2, 3, 4,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        splits(images(value=1)),
        splits(images(5)),
        Splits(*(Examples(part.x.view(-1, 1, 4, 16)) for part in splits())),
    ],
    ids=["a byte", "a length", "a shape"],
)
def test_the_fingerprint_follows_the_content(changed: Splits) -> None:
    assert data.fingerprint(splits()) == data.fingerprint(splits())
    assert data.fingerprint(changed) != data.fingerprint(splits())


def test_a_data_set_whose_content_is_not_what_it_declares_is_refused() -> None:
    dataset = Given(splits())
    dataset.fingerprint = "0" * 64  # type: ignore[attr-defined]
    with pytest.raises(GenbenchError, match=r"content of the data set 'mine' has changed"):
        data.load("mine", dataset, CPU)


def test_the_spec_says_what_the_data_is() -> None:
    loaded = data.load("mine", Given(splits()), CPU)
    assert (loaded.spec.kind, loaded.spec.shape, loaded.spec.size) == ("image", (1, 8, 8), 4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("splits", "str where load\\(\\) must return genbench.Splits"),
        (splits(images().float()), "train split of torch.float32 \\(4, 1, 8, 8\\): images are"),
        (splits(images()[:0]), "an empty train split"),
        (Splits(*(images(n, n) for n in (4, 3, 2))), "a train split of Tensor: it is"),
        (splits(images().numpy()), "a train split of ndarray, NoneType: it is"),
        (splits(torch.zeros(4, 1, 9, 9, dtype=torch.uint8)), "splits of different kinds"),
        (splits(y=torch.zeros(4, dtype=torch.int64)), "labels but classes = 0"),
        (
            Splits(*(Examples(torch.full((3, 2), torch.nan)) for _ in range(3))),
            "points that are not finite",
        ),
    ],
)
def test_what_is_no_data_set_is_refused_by_name(given: Any, message: str) -> None:
    with pytest.raises(ContractError, match=f"The data set 'mine' gave .*{message}"):
        data.load("mine", Given(given), CPU)


def test_an_attribute_that_is_missing_is_named() -> None:
    dataset = Given(splits())
    del dataset.classes
    with pytest.raises(ContractError, match="The data set 'mine' has no 'classes'"):
        data.load("mine", dataset, CPU)


def test_splits_that_share_examples_are_refused() -> None:
    shared = Splits(Examples(images(40)), Examples(images(5, 9)), Examples(images(40)[:3]))
    with pytest.raises(ContractError, match="has 3 examples that are in train and in test"):
        data.load("mine", Given(shared), CPU)


def test_a_few_duplicates_are_what_real_data_has() -> None:
    test = torch.cat([images(200, 9), images(1)])
    shared = Splits(Examples(images(200)), Examples(images(200, 50)), Examples(test))
    assert data.load("mine", Given(shared), CPU).spec.size == 200


def test_labels_outside_the_classes_are_refused() -> None:
    y = torch.tensor([0, 1, 2])
    given = Splits(*(Examples(images(3, value), y) for value in (0, 1, 2)))
    data.load("mine", Given(given, classes=3), CPU)
    with pytest.raises(ContractError, match="not int64 \\(3,\\) from 0 to 1"):
        data.load("mine", Given(given, classes=2), CPU)
