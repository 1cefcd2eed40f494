"""The gate of ``--fail-if-worse``: it passes only what it could judge."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from genbench.leaderboard.comparison import compare
from genbench.leaderboard.gate import objections
from genbench.leaderboard.schema import Row
from genbench.leaderboard.unmatched import Side

Measured = Callable[..., list[Row]]


def reasons(a: list[Row], b: list[Row], allowed: float = 0.02) -> list[str]:
    found = compare(Side("A", "in A", a), Side("B", "in B", b))
    return [objection.reason for objection in objections(found, allowed)]


def test_what_is_worse_by_more_than_the_share_does_not_pass(measured: Measured) -> None:
    a, b = measured("toy", 1.00, 1.01, 0.99), measured("toy", 1.10, 1.11, 1.09)
    assert reasons(a, b, allowed=0.02) == ["significantly worse, its mean by 10.00%"]
    assert reasons(a, b, allowed=0.0) == ["significantly worse, its mean by 10.00%"]
    assert reasons(a, b, allowed=0.11) == []


def test_the_test_is_of_no_difference_and_the_share_is_of_the_means(measured: Measured) -> None:
    # The interval of the difference, 1% to 5%, leaves out 0 but not the 2% that are allowed.
    a, b = measured("toy", 1.00, 1.01, 0.99), measured("toy", 1.03, 1.04, 1.02)
    [found] = compare(Side("A", "in A", a), Side("B", "in B", b)).compared
    assert found.test is not None
    assert 0 < found.test.interval[0] < 0.02
    assert reasons(a, b, allowed=0.02) == ["significantly worse, its mean by 3.00%"]
    assert reasons(a, b, allowed=0.04) == []


def test_what_is_better_equal_or_undecided_passes(measured: Measured) -> None:
    a = measured("toy", 1.00, 1.01, 0.99)
    assert reasons(a, measured("toy", 0.1, 0.11, 0.09)) == []
    assert reasons(a, a) == []
    assert reasons(a, measured("toy", 0.5, 1.0, 5.0)) == []


def test_any_significant_difference_from_a_mean_of_0_is_more_than_a_share(
    measured: Measured,
) -> None:
    a, b = measured("toy", 0.0, 0.0), measured("toy", 0.1, 0.1)
    assert reasons(a, b, 10.0) == ["significantly worse"]


def test_one_seed_does_not_pass_unless_it_is_the_same(measured: Measured) -> None:
    a = measured("toy", 1.0, 1.1)
    one_seed = "one seed tells nothing: run two or more of each"
    assert reasons(a, measured("toy", 1.0)) == [one_seed]
    assert reasons(a[:1], measured("toy", 1.0)) == []


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"metric_version": "2"}, "other metric version (1 in A, 2 in B)"),
        ({"score": "other"}, "not measured in B"),
    ],
)
def test_a_score_that_b_has_lost_does_not_pass(
    measured: Measured, columns: dict[str, str], reason: str
) -> None:
    assert reasons(measured("toy", 1.0, 1.1), measured("toy", 1.0, 1.1, **columns)) == [reason]


def test_a_model_that_b_has_lost_does_not_pass_and_a_new_one_does(measured: Measured) -> None:
    a, b = measured("toy", 1.0, 1.1), measured("new", 1.0, 1.1)
    assert reasons([*a, *b], b) == ["only in A"]
    assert reasons(b, [*a, *b]) == []


def test_a_larger_share_of_failed_runs_does_not_pass(measured: Measured) -> None:
    well, failing = measured("toy", 1.0, 1.1), measured("toy", 1.0, 1.1, None)
    assert reasons(well, failing) == ["1 failed of 3 runs in B, none failed of 2 runs in A"]
    assert reasons(failing, well) == []
    assert reasons(failing, failing) == []
    assert reasons(well, measured("toy", None, None)) == ["no run in B gave it (2 failed)"]
