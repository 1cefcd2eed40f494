"""A score's range as people write it. Nothing heavy here: `genbench show` prints it as well."""

from __future__ import annotations

from genbench.contract import Score


def shown_range(score: Score) -> str:
    """[0, 1], or [0, ∞); of a score that says nothing (-∞, ∞)."""
    low, high = score.range
    begin = "(-∞" if low is None else f"[{low:g}"
    return f"{begin}, ∞)" if high is None else f"{begin}, {high:g}]"
