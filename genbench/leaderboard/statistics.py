"""Welch's test, Holm's correction, and how many more seeds a comparison needs.

Values over seeds are taken as independent and about normal. Seeds of different models share
nothing, so they are not paired. Nothing here knows rows, models or scores.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

# The functions themselves: scipy.stats wraps them, and takes half a second to import.
from scipy.special import nctdtr, ndtr, stdtr, stdtrit

Floats = NDArray[np.float64]
Counts = tuple[NDArray[np.int_], NDArray[np.int_]]

SIGNIFICANCE = 0.05
"""Of a whole family of comparisons, by Holm's correction; intervals have one minus this."""

POWER = 0.8
"""How probable it shall be that so many more seeds decide."""

MOST_SEEDS = 1000
"""How many more seeds are thought of."""


@dataclass(frozen=True)
class Welch:
    """What two samples say of the difference of their means; of b from a."""

    difference: float
    error: float
    """The standard error of the difference."""
    freedom: float | None
    """Degrees of freedom, after Welch and Satterthwaite; None where neither sample varies."""
    p_value: float
    """Two-sided, of equal means."""
    interval: tuple[float, float]
    """The 95% confidence interval of the difference; a point where neither sample varies."""


def welch(a: Sequence[float], b: Sequence[float]) -> Welch | None:
    """Compare the means of two samples of unequal variances; None if one has a single value.

    Welch, "The generalization of 'Student's' problem when several different population variances
    are involved", 1947. Samples that do not vary have nothing to test: they differ or do not.
    """
    if len(a) < 2 or len(b) < 2:
        return None
    difference = fmean(b) - fmean(a)
    spreads, counts = (stdev(a), stdev(b)), (np.array(len(a)), np.array(len(b)))
    if spreads == (0, 0):
        p_value = 1.0 if difference == 0 else 0.0
        return Welch(difference, 0.0, None, p_value, (difference, difference))
    error, freedom = (float(of_both) for of_both in _error_and_freedom(spreads, counts))
    p_value = 2 * float(stdtr(freedom, -abs(difference) / error))
    reach = error * float(stdtrit(freedom, 1 - SIGNIFICANCE / 2))
    return Welch(difference, error, freedom, p_value, (difference - reach, difference + reach))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of a family, each corrected for all: those up to 5% are significant.

    Holm, "A simple sequentially rejective multiple test procedure", 1979: the chance that any true
    hypothesis of the family is rejected is at most 5%, however they depend on one another.
    """
    corrected = [1.0] * len(p_values)
    largest = 0.0
    ascending = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, index in enumerate(ascending):
        largest = max(largest, (len(p_values) - rank) * p_values[index])
        corrected[index] = min(1.0, largest)
    return corrected


def power(
    difference: float,
    spreads: tuple[float, float],
    counts: Counts,
    level: float = SIGNIFICANCE,
) -> Floats:
    """The probability that Welch's test finds a true difference, and its right direction.

    By the noncentral t distribution, with Welch's degrees of freedom for the true spreads. Where
    scipy has no value of it, far above the threshold, by a normal approximation: Abramowitz and
    Stegun, "Handbook of Mathematical Functions", 1964, 26.7.10.

    Args:
        difference: of the true means.
        spreads: the true standard deviations; not both 0.
        counts: seeds of each; arrays are several cases at once.
        level: of the two-sided test.
    """
    error, freedom = _error_and_freedom(spreads, counts)
    threshold = stdtrit(freedom, 1 - level / 2)
    noncentrality = abs(difference) / error
    missed = nctdtr(freedom, noncentrality, threshold)
    centred = threshold * (1 - 1 / (4 * freedom)) - noncentrality
    nearly = ndtr(centred / np.sqrt(1 + threshold**2 / (2 * freedom)))
    found: Floats = 1 - np.where(np.isnan(missed), nearly, missed)
    return found


def more_seeds(
    a: Sequence[float], b: Sequence[float], level: float = SIGNIFICANCE, most: int = MOST_SEEDS
) -> int | None:
    """About how many more seeds of each would decide; None: not even ``most`` more.

    So many that the power is 80%, if the difference and the spreads that were seen are the true
    ones. They are estimates, so this is a rough guide: with three seeds, an order of magnitude.

    Args:
        a: at least two values.
        b: at least two values; not all equal to one another and to those of a.
        level: at which the test will be made.
        most: where to give up.
    """
    spreads, difference = (stdev(a), stdev(b)), fmean(b) - fmean(a)
    if spreads == (0, 0):
        return None

    def is_enough(more: int) -> bool:
        counts = (np.array(len(a) + more), np.array(len(b) + more))
        return bool(power(difference, spreads, counts, level) >= POWER)

    # Power rises with seeds: ten steps of bisection, not a thousand values.
    found = 1 + bisect.bisect_left(range(1, most + 1), True, key=is_enough)
    return found if found <= most else None


def _error_and_freedom(spreads: tuple[float, float], counts: Counts) -> tuple[Floats, Floats]:
    """Standard error of a difference of means, and its degrees of freedom.

    Satterthwaite, "An approximate distribution of estimates of variance components", 1946; in
    shares of the error, so that no power of a large or small spread is taken.
    """
    (count_a, count_b), (spread_a, spread_b) = counts, spreads
    error_a, error_b = spread_a / np.sqrt(count_a), spread_b / np.sqrt(count_b)
    error = np.hypot(error_a, error_b)
    share_a, share_b = (error_a / error) ** 2, (error_b / error) ** 2
    freedom = 1 / (share_a**2 / (count_a - 1) + share_b**2 / (count_b - 1))
    return error, freedom
