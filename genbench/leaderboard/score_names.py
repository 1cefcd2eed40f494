"""What a score is called: by its own name, and where several metrics have one, METRIC.SCORE."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from genbench.errors import UsageError, nearest


def full(metric: str, score: str) -> str:
    """The name that no other score has."""
    return f"{metric}.{score}"


def titles(scores: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The shortest names that tell scores apart.

    Args:
        scores: pairs of metric and score, in any number.
    """
    distinct = dict.fromkeys(scores)
    metrics = Counter(score for _, score in distinct)
    return {
        (metric, score): score if metrics[score] == 1 else full(metric, score)
        for metric, score in distinct
    }


def is_among(names: Collection[str], metric: str, score: str) -> bool:
    """Whether a score is asked for by any of the names: its own, its metric's, or in full."""
    return any(name in names for name in _known_as(metric, score))


def check(names: Iterable[str], scores: Iterable[tuple[str, str]]) -> None:
    """See that each name asks for some score.

    Args:
        names: as ``--metric`` gives them.
        scores: pairs of metric and score that there are.

    Raises:
        UsageError: one asks for none; names the nearest.
    """
    known = {name for pair in scores for name in _known_as(*pair)}
    for name in names:
        if name not in known:
            hint = nearest(name, known) if known else "Nothing has been measured."
            raise UsageError(f"No run has the metric {name!r}. {hint}")


def _known_as(metric: str, score: str) -> tuple[str, str, str]:
    return metric, score, full(metric, score)
