from __future__ import annotations

import math

import pytest
import torch

from genbench_metrics.occupancy import occupied


def test_cells_are_counted_once_however_often_they_are_reached() -> None:
    assert occupied(torch.tensor([4, 4, 7, 0, 4]), cells=10, n=5).value == 3


def test_one_cell_that_everything_is_in_leaves_nothing_to_chance() -> None:
    assert occupied(torch.full((500,), 3), cells=100, n=500).error == 0


def test_nothing_that_is_in_a_cell_reaches_none() -> None:
    counted = occupied(torch.empty(0, dtype=torch.int64), cells=100, n=500)
    assert (counted.value, counted.error) == (0.0, 0.0)


def test_the_error_is_that_of_the_formula() -> None:
    # cells 0 and 1 once, 2 twice: F = 2 and D = 3
    found = torch.tensor([0, 1, 2, 2])
    assert occupied(found, cells=4, n=100).error == pytest.approx(math.sqrt(2 * 3 / 4))
    assert occupied(found, cells=400, n=4).error == pytest.approx(math.sqrt(2 * (1 - 2 / 4)))


@pytest.mark.parametrize("n", [60, 200, 800])
@pytest.mark.parametrize("inside", [1.0, 0.4], ids=["all", "two in five"])
def test_the_error_is_what_fresh_samples_of_equal_cells_change(n: int, inside: float) -> None:
    rng = torch.Generator().manual_seed(0)
    measured = []
    for _ in range(400):
        found = torch.randint(200, (n,), generator=rng)
        measured.append(occupied(found[torch.rand(n, generator=rng) < inside], 200, n))
    spread = torch.tensor([m.value for m in measured]).std().item()
    error = torch.tensor([m.error for m in measured]).mean().item()
    # a spread of 400 is known to a twentieth or so
    assert spread * 0.9 < error < spread * 1.75
    if n == 800 and inside == 1:
        assert error < spread * 1.25


@pytest.mark.parametrize(
    ("cells", "n", "most"),
    [(10, 40, 2.5), (10, 20, 1.7), (25, 100, 2), (1000, 4000, 1.2), (1000, 10_000, 3.2)],
)
def test_the_error_is_not_too_small_where_nearly_all_cells_are_reached(
    cells: int, n: int, most: float
) -> None:
    rng = torch.Generator().manual_seed(0)
    draws = torch.randint(cells, (400, n), generator=rng)
    squares = [(occupied(draw, cells, n).error or 0) ** 2 for draw in draws]
    # one cell is missed, and two are
    one, two = (1 - 1 / cells) ** n, (1 - 2 / cells) ** n
    variance = cells * one * (1 - one) + cells * (cells - 1) * (two - one**2)
    assert 1 <= (sum(squares) / len(squares) / variance) ** 0.5 < most


def test_a_sample_that_reaches_all_cells_knows_that_another_might_not() -> None:
    assert occupied(torch.tensor([0, 0, 1, 1, 2]), cells=3, n=5).error == pytest.approx(0.8**0.5)
    assert occupied(torch.tensor([0, 0, 1, 1, 2, 2]), cells=3, n=6).error == 0


def test_the_error_of_unequal_cells_is_not_too_small() -> None:
    rng = torch.Generator().manual_seed(0)
    odds = torch.arange(1, 201).float() ** -1
    draws = torch.multinomial(odds, 400 * 300, replacement=True, generator=rng).view(400, 300)
    measured = [occupied(draw, 200, 300) for draw in draws]
    spread = torch.tensor([m.value for m in measured]).std().item()
    error = torch.tensor([m.error for m in measured]).mean().item()
    assert spread * 0.9 < error < 2 * spread
