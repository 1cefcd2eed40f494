"""What stands alone in a comparison, and why: which part of the key differs, or what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from genbench.leaderboard import keys, ranking
from genbench.leaderboard.alignment import Alone, Pair
from genbench.leaderboard.ranking import Entry
from genbench.leaderboard.schema import Row


@dataclass(frozen=True)
class Side:
    """One of the two that are compared."""

    name: str
    where: str
    """In words: ``in A``, ``for MODEL``."""
    rows: Sequence[Row]


@dataclass(frozen=True)
class Subject:
    """What a comparison is of: one score under one key, of one model."""

    model: str
    """The label that it goes by in both; empty where two models are compared."""
    key: str
    group: str
    """Names the data set, by content, and the protocol, as in a `Standing`."""
    dataset: str
    protocol: str
    weights: str
    metric: str
    score: str
    extractor: str | None
    better: str | None
    unit: str


@dataclass(frozen=True)
class NotCompared:
    """One score that only one of the two has, or each under a key of its own."""

    subject: Subject
    reason: str
    parts: tuple[keys.Difference, ...] = ()
    """What differs, where both have it: of the key, and of the model's options."""
    lost: bool = False
    """Whether A has it and B has nothing to hold to that."""


class Opposite:
    """Two sides, and the words for what stands opposite what in them."""

    def __init__(self, a: Side, b: Side, by_model: bool) -> None:
        self.a, self.b, self.by_model = a, b, by_model
        # By options only: versions of the code are what is compared.
        self.labels = ranking.labels(
            {(row["model"], row["model_options"], "") for row in (*a.rows, *b.rows)}
        )

    def subject(self, row: Row, *entries: Entry) -> Subject:
        """What a comparison of these entries is of."""
        labels = {self.labels[entry.model, entry.options, ""] for entry in entries}
        label = labels.pop() if len(labels) == 1 else entries[0].model
        return Subject(
            model=label if self.by_model else "",
            key=row["key"],
            group=ranking.group(row),
            dataset=row["dataset"],
            protocol=row["protocol"],
            weights=row["weights"],
            metric=row["metric"],
            score=row["score"],
            extractor=row["extractor"],
            better=row["better"],
            unit=row["unit"] or "",
        )

    def without_value(self, pair: Pair) -> NotCompared:
        """A pair of which one or both have no value: it failed, or the score does not apply."""
        sides = ((self.a, pair.a), (self.b, pair.b))
        reasons = [
            _no_value(side, entry) for side, entry in sides if not entry.values or entry.partial
        ]
        if pair.a.reason and pair.a.reason == pair.b.reason and len(reasons) == 2:
            reasons = [f"does not apply: {pair.a.reason}"]
        subject = self.subject(pair.row, pair.a, pair.b)
        return NotCompared(subject, "; ".join(reasons), lost=bool(pair.a.values))

    def unmatched(self, in_a: Iterable[Alone], in_b: Iterable[Alone]) -> Iterator[NotCompared]:
        """Why each entry stands alone; two that are nearest to each other are told once."""
        told = set()
        for alone in in_a:
            parts, key = self._nearest(alone, self.b)
            if alone.entry.values:
                told.add((alone.entry.model, alone.row["key"], key))
            yield from self._alone(alone, self.a, self.b, parts)
        for alone in in_b:
            parts, key = self._nearest(alone, self.a)
            if (alone.entry.model, key, alone.row["key"]) not in told:
                yield from self._alone(alone, self.b, self.a, parts)

    def _alone(
        self, alone: Alone, here: Side, there: Side, parts: Sequence[keys.Difference]
    ) -> Iterator[NotCompared]:
        subject = self.subject(alone.row, alone.entry)
        model = alone.entry.model
        known = any(row["model"] == model for row in there.rows) or not self.by_model
        if not alone.entry.values:
            if alone.entry.failures:
                # A broken version of what A has must not pass for one that was never there.
                lost = here is self.b and known
                yield NotCompared(subject, _no_value(here, alone.entry), lost=lost)
            return
        if parts:
            words = [keys.in_words(part, self.a.where, self.b.where) for part in parts]
            reason = ", ".join(words)
        elif known:
            reason = f"not measured {there.where}"
        else:
            reason = f"only {here.where}"
        yield NotCompared(subject, reason, tuple(parts), lost=here is self.a)

    def _nearest(self, alone: Alone, there: Side) -> tuple[Sequence[keys.Difference], str]:
        """The fewest differences to a row of the same score on the other side, and its key.

        Of any weights: these are a part of the key as well.
        """
        of_score = [alone.row[column] for column in ("metric", "score", "split", "fraction")]
        candidates = {
            (ranking.identity(row), row["key"]): row
            for row in there.rows
            if [row[column] for column in ("metric", "score", "split", "fraction")] == of_score
            and (not self.by_model or row["model"] == alone.entry.model)
        }
        here = {**alone.row, "model_options": alone.entry.options}
        found = [
            (self._differences(*((here, row) if there is self.b else (row, here))), row["key"])
            for row in candidates.values()
        ]
        return min(found, key=lambda parts: len(parts[0]), default=((), ""))

    def _differences(self, a: Row, b: Row) -> list[keys.Difference]:
        of_options = keys.options(a["model_options"], b["model_options"]) if self.by_model else []
        return [*of_options, *keys.differences(a, b)]


def _no_value(side: Side, entry: Entry) -> str:
    if entry.partial:
        applies = f"{len(entry.values)} of {entry.runs} runs"
        return f"applies to {applies} {side.where} only: {entry.reason}"
    if entry.reason:
        return f"does not apply {side.where}: {entry.reason}"
    return f"no run {side.where} gave it ({counted(entry.failures)})"


def counted(failures: dict[str, int]) -> str:
    """``2 failed, 1 diverged``."""
    return ", ".join(f"{count} {status}" for status, count in failures.items())
