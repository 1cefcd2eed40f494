"""Welch's test, Holm's correction, power and seeds: held to scipy and to theory."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from genbench.leaderboard.statistics import MOST_SEEDS, POWER, holm, more_seeds, power, welch

TWO_SEEDS_AND_MORE = [(2, 2), (3, 3), (3, 10), (10, 11), (40, 5)]


def values(seed: int, count: int, mean: float = 0.0, spread: float = 1.0) -> list[float]:
    return [float(value) for value in np.random.default_rng(seed).normal(mean, spread, count)]


@pytest.mark.parametrize(("count_a", "count_b"), TWO_SEEDS_AND_MORE)
def test_the_test_and_the_interval_are_those_of_scipy(count_a: int, count_b: int) -> None:
    for seed in range(20):
        a, b = values(seed, count_a), values(100 + seed, count_b, mean=0.5, spread=3.0)
        expected = stats.ttest_ind(b, a, equal_var=False)
        found = welch(a, b)
        assert found is not None
        assert found.difference == pytest.approx(np.mean(b) - np.mean(a), rel=1e-12)
        assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
        assert found.freedom == pytest.approx(expected.df, rel=1e-9)
        assert found.difference / found.error == pytest.approx(expected.statistic, rel=1e-9)
        assert found.interval == pytest.approx(tuple(expected.confidence_interval()), rel=1e-9)


def test_one_model_that_does_not_vary_is_compared_all_the_same() -> None:
    a, b = [1.0, 1.0, 1.0], [1.2, 1.4, 1.9]
    found = welch(a, b)
    assert found is not None
    assert found.p_value == pytest.approx(stats.ttest_1samp(b, 1.0).pvalue, rel=1e-9)
    assert found.freedom == pytest.approx(2)


def test_two_that_do_not_vary_are_apart_exactly_if_they_differ() -> None:
    same, other = welch([1.0, 1.0], [1.0, 1.0, 1.0]), welch([1.0, 1.0], [2.0, 2.0])
    assert same is not None
    assert other is not None
    assert (same.p_value, same.interval) == (1.0, (0.0, 0.0))
    assert (other.p_value, other.interval) == (0.0, (1.0, 1.0))


def test_a_single_seed_tells_nothing() -> None:
    assert welch([1.0], [2.0, 3.0, 4.0]) is None
    assert welch([2.0, 3.0, 4.0], [1.0]) is None


def test_large_and_small_numbers_are_no_trouble() -> None:
    plain = welch(values(0, 3), values(1, 4))
    assert plain is not None
    for scale in (1e-200, 1e200):
        scaled = welch([scale * v for v in values(0, 3)], [scale * v for v in values(1, 4)])
        assert scaled is not None
        assert scaled.p_value == pytest.approx(plain.p_value, rel=1e-9)


def test_the_correction_is_holms() -> None:
    # Holm (1979): the smallest counts for all, the next for all but one, and none overtakes.
    assert holm([0.03, 0.01, 0.04, 0.5]) == pytest.approx([0.09, 0.04, 0.09, 0.5])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_rejects_what_his_steps_reject() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        p_values = [float(p) for p in rng.uniform(0, 0.1, rng.integers(1, 8))]
        rejected = set()
        for step, index in enumerate(np.argsort(p_values)):
            if p_values[index] > 0.05 / (len(p_values) - step):
                break
            rejected.add(int(index))
        assert {i for i, p in enumerate(holm(p_values)) if p <= 0.05} == rejected


def test_power_is_that_of_the_noncentral_t_distribution() -> None:
    # Two samples of 10 a standard deviation apart: 18 degrees of freedom, noncentrality sqrt(5).
    theory = stats.nct.sf(stats.t.ppf(0.975, 18), 18, math.sqrt(5))
    found = power(1.0, (1.0, 1.0), (np.array(10), np.array(10)))
    assert float(found) == pytest.approx(theory, rel=1e-6)
    assert float(found) == pytest.approx(0.562, abs=0.001)


def test_so_many_more_seeds_have_the_power_and_one_less_has_not() -> None:
    a, b = values(0, 3), values(1, 5, mean=0.7, spread=2.0)
    needed = more_seeds(a, b)
    assert needed is not None
    spreads = (float(np.std(a, ddof=1)), float(np.std(b, ddof=1)))
    counts = (np.array([2, 3]) + needed, np.array([4, 5]) + needed)
    one_less, enough = power(float(np.mean(b) - np.mean(a)), spreads, counts)
    assert one_less < 0.8 <= enough


def test_the_textbook_number_of_seeds_is_found() -> None:
    # Half a standard deviation at 5% and 80%: 64 in each sample (Cohen, 1988, table 2.4.1).
    a, b = [-1.0, 0.0, 1.0], [-0.5, 0.5, 1.5]
    assert more_seeds(a, b) == 61


def test_a_stricter_level_asks_for_more_seeds() -> None:
    a, b = [0.0, 1.0, 2.0], [1.0, 2.0, 3.0]
    strict, plain = more_seeds(a, b, level=0.01), more_seeds(a, b)
    assert strict is not None
    assert plain is not None
    assert strict > plain


def test_no_number_of_seeds_finds_a_difference_that_is_not_there() -> None:
    assert more_seeds([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) is None
    assert more_seeds([1.0, 2.0, 3.0], [1.0, 2.0, 3.001]) is None
    assert more_seeds([1.0, 1.0], [1.0, 1.0]) is None


def power_by_integration(
    difference: float, spreads: tuple[float, float], counts: np.ndarray, level: float
) -> np.ndarray:
    """The same power without scipy's noncentral t: Φ(δ - t s) over the distribution of s."""
    error = np.hypot(spreads[0] / counts[0] ** 0.5, spreads[1] / counts[1] ** 0.5)
    parts = [(s / n**0.5 / error) ** 4 / (n - 1) for s, n in zip(spreads, counts, strict=True)]
    freedom = 1 / sum(parts)
    quantiles = (np.arange(500) + 0.5) / 500
    s = np.sqrt(2 * special.gammaincinv(freedom[:, None] / 2, quantiles) / freedom[:, None])
    threshold = stats.t.ppf(1 - level / 2, freedom)
    found: np.ndarray = special.ndtr((difference / error)[:, None] - threshold[:, None] * s).mean(1)
    return found


def test_so_many_more_seeds_are_what_trying_all_of_them_finds() -> None:
    rng = np.random.default_rng(0)
    tried = 0
    while tried < 250:
        a = rng.normal(0, 1, rng.choice([2, 3, 5])).tolist()
        b = rng.normal(rng.uniform(0.5, 30), rng.choice([0.1, 1, 5]), rng.choice([2, 3, 5]))
        b, level = b.tolist(), 0.05 / rng.choice([1, 5, 20, 100])
        first = welch(a, b)
        assert first is not None
        if first.p_value <= level:
            continue
        tried += 1
        spreads = (float(np.std(a, ddof=1)), float(np.std(b, ddof=1)))
        found = more_seeds(a, b, level)
        more = np.arange(1, found + 1) if found else np.arange(50, MOST_SEEDS + 1, 50)
        counts = np.array([len(a) + more, len(b) + more])
        powers = power_by_integration(abs(first.difference), spreads, counts, level)
        if found:
            assert powers[-1] > POWER - 0.002
            powers = powers[:-1]
        assert powers.max(initial=0.0) < POWER + 0.002


def test_the_power_has_a_value_wherever_it_is_asked() -> None:
    # At 33 of these counts scipy has none.
    a = [0.13151716901383603, -1.4853990064291183, -0.4957454798433089, -1.7545539867730229]
    a, b = [*a, -0.5390583124102435], [6.314781096468423, 12.29517149372251, 3.2033655748667416]
    spreads = (float(np.std(a, ddof=1)), float(np.std(b, ddof=1)))
    counts = (5 + np.arange(1, 1001), 3 + np.arange(1, 1001))
    found = power(float(np.mean(b) - np.mean(a)), spreads, counts, 0.0005)
    assert not np.isnan(found).any()
    assert (np.diff(found) > -1e-6).all()
    assert float(power(1e6, (1.0, 1.0), (np.array(3), np.array(3)))) == 1.0
