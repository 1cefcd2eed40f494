"""Two leaderboards, or two models, held to each other: what differs, and how sure that is.

Scores are compared under one comparability key and never across: what stands under other keys is
named, with the part of the key that differs. So is what only one of the two has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from genbench.contract import Weights
from genbench.leaderboard import keys, ranking, score_names, selection
from genbench.leaderboard.alignment import Pair, align
from genbench.leaderboard.ranking import Entry
from genbench.leaderboard.schema import Row
from genbench.leaderboard.statistics import SIGNIFICANCE, Welch, holm, more_seeds, welch
from genbench.leaderboard.unmatched import NotCompared, Opposite, Side, Subject

Verdict = Literal["better", "worse", "different", "undecided", "equal"]
"""On B, against A. ``different``: of a score of no direction. ``equal``: the values are."""


@dataclass(frozen=True)
class Compared:
    """One score of two entries."""

    subject: Subject
    a: Entry
    b: Entry
    test: Welch | None
    """None where one of them has a single seed."""
    p_corrected: float | None = None
    """By Holm, over all that is tested; None where nothing is."""
    verdict: Verdict = "undecided"
    more_seeds: int | None = None
    """About how many of each would decide what is undecided; None: no number in reach would."""

    @property
    def difference(self) -> float:
        """Mean of B minus mean of A, in units of the score."""
        return (self.b.mean or 0.0) - (self.a.mean or 0.0)

    @property
    def relative(self) -> float | None:
        """The difference as a share of the size of A's mean; None where that is 0, or near it."""
        share = self.difference / abs(self.a.mean) if self.a.mean else math.inf
        return share if math.isfinite(share) else None

    @property
    def options(self) -> list[keys.Difference]:
        """The options that differ, where both are the same model."""
        same = self.a.model == self.b.model
        return keys.options(self.a.options, self.b.options) if same else []


@dataclass(frozen=True)
class Comparison:
    """All that was compared, and all that was not."""

    a: Side
    b: Side
    compared: tuple[Compared, ...]
    not_compared: tuple[NotCompared, ...]
    older: tuple[tuple[Side, selection.Older], ...]
    """Versions of code that newer ones were taken instead of."""
    unscored: tuple[tuple[Side, Row], ...]
    """Failed runs under conditions that neither has a score for."""

    @property
    def tested(self) -> int:
        """How many comparisons Holm's correction is over."""
        return sum(found.p_corrected is not None for found in self.compared)


def compare(
    a: Side,
    b: Side,
    *,
    weights: Weights = "average",
    metrics: Sequence[str] = (),
    by_model: bool = True,
) -> Comparison:
    """Compare final scores on the test split.

    Args:
        a: what is compared against.
        b: what the verdicts are on.
        weights: which weights' scores.
        metrics: metrics or scores by name; none: all that have a direction and are not of the
            hardware.
        by_model: whether to match by the model's name; else each side is one model, and these two
            are compared.

    Raises:
        UsageError: a metric that neither side has; names the nearest.
    """
    (rows_a, older_a), (rows_b, older_b) = selection.newest(a.rows), selection.newest(b.rows)
    scored = (row for row in (*rows_a, *rows_b) if row["metric"])
    score_names.check(metrics, {(row["metric"], row["score"]) for row in scored})
    unscored = {id(row) for row in ranking.unscored_failures([*rows_a, *rows_b])}
    a = replace(a, rows=[row for row in rows_a if _is_wanted(row, metrics)])
    b = replace(b, rows=[row for row in rows_b if _is_wanted(row, metrics)])
    found = align(a.rows, b.rows, weights, by_model=by_model)
    opposite = Opposite(a, b, by_model)
    return Comparison(
        a,
        b,
        tuple(_judged([_compared(pair, opposite) for pair in found.pairs if _valued(pair)])),
        (
            *(opposite.without_value(pair) for pair in found.pairs if not _valued(pair)),
            *opposite.unmatched(found.alone_a, found.alone_b),
        ),
        (*((a, older) for older in older_a), *((b, older) for older in older_b)),
        tuple((side, row) for side in (a, b) for row in side.rows if id(row) in unscored),
    )


def _valued(pair: Pair) -> bool:
    return all(entry.values and not entry.partial for entry in (pair.a, pair.b))


def _compared(pair: Pair, opposite: Opposite) -> Compared:
    test = welch(pair.a.values, pair.b.values)
    return Compared(opposite.subject(pair.row, pair.a, pair.b), pair.a, pair.b, test)


def _is_wanted(row: Row, metrics: Sequence[str]) -> bool:
    if row["metric"] is None:  # a failed run
        return True
    if metrics:
        return score_names.is_among(metrics, row["metric"], row["score"])
    return row["better"] is not None and not row["hardware"]


def _judged(compared: Sequence[Compared]) -> list[Compared]:
    """Give verdicts; Holm's correction is over all that has something to test."""
    family = {
        position: found.test.p_value
        for position, found in enumerate(compared)
        if found.test and not _equal(found)
    }
    corrected = dict(zip(family, holm(list(family.values())), strict=True))
    # More seeds are told for the level at which Holm's procedure stopped.
    undecided = sum(p > SIGNIFICANCE for p in corrected.values())
    level = SIGNIFICANCE / max(undecided, 1)
    return [
        _verdict(found, corrected.get(position), level) for position, found in enumerate(compared)
    ]


def _verdict(found: Compared, p: float | None, level: float) -> Compared:
    if _equal(found):
        return replace(found, verdict="equal")
    if p is None:
        return found
    if p > SIGNIFICANCE:
        needed = more_seeds(found.a.values, found.b.values, level)
        return replace(found, p_corrected=p, more_seeds=needed)
    if found.subject.better is None:
        return replace(found, p_corrected=p, verdict="different")
    is_better = (found.difference < 0) == (found.subject.better == "lower")
    return replace(found, p_corrected=p, verdict="better" if is_better else "worse")


def _equal(found: Compared) -> bool:
    """Whether there is nothing to test: seed by seed the same, or one value in all seeds."""
    by_seed_a = dict(zip(found.a.seeds, found.a.values, strict=True))
    by_seed_b = dict(zip(found.b.seeds, found.b.values, strict=True))
    return by_seed_a == by_seed_b or len({*found.a.values, *found.b.values}) == 1
