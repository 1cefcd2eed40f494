"""What a metric keeps is held to what a run would have kept: by data, split and name."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from genbench.testing.remembered import Remembered

DATA = {"real": torch.zeros(2, 3, dtype=torch.uint8), "real_features": torch.ones(2, 4)}
MADE = {"mean": torch.tensor([1.0, torch.nan]), "counts": torch.tensor([3, 4])}


@pytest.fixture
def remembered() -> Remembered:
    found = Remembered()
    found.hold(DATA, "mean", "real", MADE, "a good model")
    return found


def hold(remembered: Remembered, made: dict[str, Tensor]) -> list[str]:
    remembered.hold(DATA, "mean", "real", made, "another model")
    return list(remembered.others.values())


def test_the_same_but_for_rounding_is_the_same(remembered: Remembered) -> None:
    assert hold(remembered, MADE | {"mean": torch.tensor([1 + 1e-7, torch.nan])}) == []


@pytest.mark.parametrize(
    "other",
    [
        {"mean": torch.tensor([1.001, torch.nan])},
        {"mean": torch.tensor([1.0, 0.0])},
        {"mean": torch.tensor([1.0])},
        {"mean": torch.tensor([1.0, torch.nan]).double()},
        {"counts": torch.tensor([3, 5])},
        {"more": torch.tensor(0)},
    ],
)
def test_anything_else_is_another(remembered: Remembered, other: dict[str, Tensor]) -> None:
    assert hold(remembered, MADE | other) == [
        "What it keeps as 'mean' of the split 'real' was one thing for a good model, and another "
        "for another model."
    ]


def test_what_is_of_other_data_or_another_split_or_name_may_be_another(
    remembered: Remembered,
) -> None:
    other = {"mean": torch.zeros(2)}
    remembered.hold(DATA | {"real": torch.ones(2, 3)}, "mean", "real", other, "another model")
    remembered.hold(DATA, "mean", "train", other, "another model")
    remembered.hold(DATA, "means", "real", other, "another model")
    assert remembered.others == {}


def test_what_is_written_on_is_named_once(remembered: Remembered) -> None:
    given = {"mean": torch.ones(2)}
    remembered.hold(DATA, "other", "real", given, "a good model")
    given["mean"] += 1
    assert list(remembered.written_on()) == ["statistics('other', 'real')['mean']"]
    assert list(remembered.written_on()) == []
