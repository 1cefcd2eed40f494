"""What a score is called: by its own name, and where several metrics have one, METRIC.SCORE."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable


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


def known_as(metric: str, score: str) -> tuple[str, str, str]:
    """The names that ``--metric`` finds a score by: also by that of its metric, with the others."""
    return metric, score, full(metric, score)


def is_among(names: Collection[str], metric: str, score: str) -> bool:
    """Whether a score is asked for by any of the names."""
    return any(name in names for name in known_as(metric, score))
