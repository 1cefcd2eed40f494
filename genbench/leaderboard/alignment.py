"""Which entries of two leaderboards stand opposite each other: key by key, model by model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from genbench.contract import Weights
from genbench.leaderboard import ranking
from genbench.leaderboard.ranking import Entry
from genbench.leaderboard.schema import Row


@dataclass(frozen=True)
class Alone:
    """An entry that nothing stands opposite of, with a row of its key."""

    row: Row
    entry: Entry


@dataclass(frozen=True)
class Pair:
    """Two entries under one key, with a row of that key."""

    row: Row
    a: Entry
    b: Entry


@dataclass(frozen=True)
class Alignment:
    """All entries of both, once each."""

    pairs: list[Pair] = field(default_factory=list)
    alone_a: list[Alone] = field(default_factory=list)
    alone_b: list[Alone] = field(default_factory=list)


def align(a: Sequence[Row], b: Sequence[Row], weights: Weights, *, by_model: bool) -> Alignment:
    """Pair the entries of final scores, under equal keys only.

    Args:
        a: rows of which no model has two versions of its code (`selection.newest`).
        b: the same.
        weights: which weights' scores.
        by_model: whether only entries of one model's name are paired.
    """
    final_a, final_b = ranking.final(a, weights), ranking.final(b, weights)
    failed_a, failed_b = ([row for row in rows if row["metric"] is None] for rows in (a, b))
    found = Alignment()
    for key in dict.fromkeys([*final_a, *final_b]):
        measured = [*final_a.get(key, []), *final_b.get(key, [])]
        # A failure counts under each key that either has, so that a model whose every run failed
        # stands opposite what it was to be held to.
        entries_a = ranking.entries(final_a.get(key, []), failed_a, measured)
        entries_b = ranking.entries(final_b.get(key, []), failed_b, measured)
        pairs = _paired(entries_a, entries_b, by_model=by_model)
        taken = {id(entry) for pair in pairs for entry in pair}
        row = measured[0]
        found.pairs.extend(Pair(row, *pair) for pair in pairs)
        found.alone_a.extend(Alone(row, entry) for entry in entries_a if id(entry) not in taken)
        found.alone_b.extend(Alone(row, entry) for entry in entries_b if id(entry) not in taken)
    return found


def _paired(a: Sequence[Entry], b: Sequence[Entry], *, by_model: bool) -> list[tuple[Entry, Entry]]:
    pairs = []
    for model in dict.fromkeys(entry.model for entry in a) if by_model else [None]:
        ours = [entry for entry in a if model in (None, entry.model)]
        theirs = [entry for entry in b if model in (None, entry.model)]
        same = [(one, other) for one in ours for other in theirs if one.options == other.options]
        if not same:
            # A new version of a model may have new options: no matter, where there is no choice.
            same = list(zip(_sole(ours), _sole(theirs), strict=False))
        pairs += same
    return pairs


def _sole(entries: Sequence[Entry]) -> Sequence[Entry]:
    """The only entry, if there is but one; a run that failed is no choice beside a measured one.

    One that failed before its options were known goes by those that it was given.
    """
    choices = [entry for entry in entries if entry.values or entry.reason] or entries
    return choices if len(choices) == 1 else []
