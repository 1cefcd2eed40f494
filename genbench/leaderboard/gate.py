"""What a comparison must show to pass, for use in continuous integration.

A gate passes only what it could judge. A score fails it that is significantly worse, and its mean
by more than was allowed; that A has and B lacks, or has under another key; that has a single seed;
and a model of whose runs a larger share failed. What is undecided passes: nothing says that it is
worse. The test is of no difference at all, whatever is allowed: that is compared with the means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from genbench.leaderboard.comparison import Compared, Comparison
from genbench.leaderboard.ranking import Entry
from genbench.leaderboard.unmatched import Subject, counted


@dataclass(frozen=True)
class Objection:
    """One score that does not pass, and why."""

    subject: Subject
    reason: str


def objections(comparison: Comparison, allowed: float) -> Iterator[Objection]:
    """What keeps B from passing.

    Args:
        comparison: of B with A.
        allowed: how much worse the mean of a score may be, as a share of the size of A's mean.
            Where that is 0, any significant difference is more.
    """
    for found in comparison.compared:
        if found.verdict == "worse" and (found.relative is None or abs(found.relative) > allowed):
            yield Objection(found.subject, f"significantly worse{_by_how_much(found)}")
        elif found.test is None and found.verdict != "equal":
            yield Objection(found.subject, "one seed tells nothing: run two or more of each")
        if _failed_share(found.b) > _failed_share(found.a):
            yield Objection(
                found.subject,
                f"{_failed(found.b)} {comparison.b.where}, {_failed(found.a)} {comparison.a.where}",
            )
    for lost in comparison.not_compared:
        if lost.lost:
            yield Objection(lost.subject, lost.reason)


def _by_how_much(found: Compared) -> str:
    return "" if found.relative is None else f", its mean by {abs(found.relative):.2%}"


def _failed_share(entry: Entry) -> float:
    return sum(entry.failures.values()) / entry.runs


def _failed(entry: Entry) -> str:
    return f"{counted(entry.failures) or 'none failed'} of {entry.runs} runs"
