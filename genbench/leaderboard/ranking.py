"""Standings: mean and spread over seeds, and ranks that only count differences that are real.

A standing is made within one comparability key, never across. An entry's rank is one more than
the number of entries that are significantly better: those that cannot be told apart share one.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import fmean, stdev

from genbench.contract import Weights
from genbench.leaderboard.schema import SAMPLE_RANGE, Row
from genbench.leaderboard.statistics import SIGNIFICANCE, holm, welch

NEVER = datetime.min.replace(tzinfo=UTC)

Identity = tuple[str, str, str]
"""What makes rows one entry: model, options, code."""


@dataclass(frozen=True)
class Entry:
    """One model, with one set of options and one version of its code, over its seeds."""

    model: str
    options: str
    code: str
    values: tuple[float, ...]
    """One per run that has this score, in the order of their seeds."""
    seeds: tuple[int, ...]
    runs: int
    """All seeds of this entry, those that failed included."""
    failures: dict[str, int]
    """How many ended with each status other than ok."""
    reason: str | None = None
    """Why there is no value, where the score does not apply."""
    failure: str | None = None
    """Why the first of the runs that failed did."""
    rank: int | None = None
    label: str = ""
    """The model's name, with what tells it from other entries of that name."""

    @property
    def identity(self) -> Identity:
        """Model, options and code."""
        return (self.model, self.options, self.code)

    @property
    def partial(self) -> bool:
        """Whether the score applies to some of its runs only: their mean speaks for no others."""
        return bool(self.values) and self.reason is not None

    @property
    def mean(self) -> float | None:
        """Over the seeds."""
        return fmean(self.values) if self.values else None

    @property
    def spread(self) -> float | None:
        """The sample standard deviation over the seeds; None with fewer than two."""
        return stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Standing:
    """All entries that have one score under one comparability key, best first."""

    key: str
    group: str
    """Names the data set, by content, and the protocol: standings of one group share a table."""
    dataset: str
    protocol: str
    split: str
    weights: str
    metric: str
    metric_options: str
    """As JSON."""
    score: str
    extractor: str | None
    better: str | None
    unit: str
    hardware: bool
    entries: tuple[Entry, ...]


def standings(rows: Iterable[Row], weights: Weights = "average") -> list[Standing]:
    """Standings of the final scores, in the order in which the rows first name them.

    Args:
        rows: of a leaderboard, with all columns.
        weights: which weights' scores.
    """
    rows = list(rows)
    failures = [row for row in rows if row["metric"] is None]
    return [_standing(key, found, failures) for key, found in final(rows, weights).items()]


def final(rows: Iterable[Row], weights: Weights = "average") -> dict[str, list[Row]]:
    """The rows of final scores, on the test split, by their key; the oldest first.

    A run that failed after some of its scores had been measured has failed: they count for nothing.
    """
    by_key: dict[str, list[Row]] = defaultdict(list)
    rows = sorted(rows, key=lambda row: row["created"])
    failed = {row["run_id"]: row["created"] for row in rows if row["metric"] is None}
    for row in rows:
        if row["metric"] is None or row["created"] <= failed.get(row["run_id"], NEVER):
            continue
        if (row["split"], row["fraction"], row["weights"]) == ("test", 1, weights):
            by_key[row["key"]].append(row)
    return dict(by_key)


def unscored_failures(rows: Iterable[Row]) -> list[Row]:
    """Failed runs that no standing counts: nothing that they were to measure has been measured."""
    rows = list(rows)
    # One row says for all of its key and data whether a failed run was to be among them.
    scored = {
        (key, row["dataset"], row["dataset_options"]): row
        for key, found in final(rows).items()
        for row in found
    }.values()
    return [
        row
        for row in rows
        if row["metric"] is None
        and not any(_was_asked(row, s["metric"]) and _same_conditions(row, s) for s in scored)
    ]


def _was_asked(failure: Row, metric: str) -> bool:
    """Whether a failed run was to be measured by a metric, or was so, as every run is."""
    return metric in json.loads(failure["metrics"]) or metric == SAMPLE_RANGE


def _same_conditions(failure: Row, scored: Row) -> bool:
    """Whether a failed run was to be measured as a row was: on that data, under that protocol."""
    if failure["protocol_fingerprint"] != scored["protocol_fingerprint"]:
        return False
    if failure["dataset_fingerprint"] is not None:
        return bool(failure["dataset_fingerprint"] == scored["dataset_fingerprint"])
    # It failed before it read its data: the name is known, and the options at least as given.
    given, full = json.loads(failure["dataset_options"]), json.loads(scored["dataset_options"])
    return bool(failure["dataset"] == scored["dataset"] and given.items() <= full.items())


def identity(row: Row) -> Identity:
    """Which entry a row belongs to."""
    return (row["model"], row["model_options"], row["model_code"])


def group(row: Row) -> str:
    """Names the data set, by content, and the protocol of a row."""
    return f"{row['dataset_fingerprint']}/{row['protocol_fingerprint']}"


def entries(
    rows: Sequence[Row], failures: Iterable[Row], measured: Sequence[Row] = ()
) -> list[Entry]:
    """The entries of one key, without labels and ranks.

    Args:
        rows: of that key, the oldest first.
        failures: rows of failed runs; those count that were to be measured under that key.
        measured: rows of that key, to know it by where ``rows`` is empty.
    """
    measured = measured or rows
    metric = measured[0]["metric"]
    # One result for an entry and seed: the newest score, for weights that were evaluated twice or
    # trained again by another version. A score wins over a failure: that seed has been measured.
    results: dict[Identity, dict[int, Row]] = defaultdict(dict)
    for failure in failures:
        asked = _was_asked(failure, metric)
        if asked and any(_same_conditions(failure, row) for row in measured):
            results[identity(failure)][failure["seed"]] = failure
    for row in rows:
        results[identity(row)][row["seed"]] = row
    return [_entry(whose, by_seed) for whose, by_seed in results.items()]


def _standing(key: str, rows: Sequence[Row], failures: Sequence[Row]) -> Standing:
    first = rows[0]
    return Standing(
        key=key,
        group=group(first),
        dataset=first["dataset"],
        protocol=first["protocol"],
        split=first["split"],
        weights=first["weights"],
        metric=first["metric"],
        metric_options=first["metric_options"],
        score=first["score"],
        extractor=first["extractor"],
        better=first["better"],
        unit=first["unit"] or "",
        hardware=first["hardware"],
        entries=tuple(_ranked(_labelled(entries(rows, failures)), first["better"])),
    )


def _entry(whose: Identity, by_seed: Mapping[int, Row]) -> Entry:
    model, options, code = whose
    rows = [by_seed[seed] for seed in sorted(by_seed)]
    valued = [row for row in rows if row["value"] is not None]
    failed = [row for row in rows if row["metric"] is None]
    reasons = [row["reason"] for row in rows if row["metric"] is not None and row["reason"]]
    return Entry(
        model=model,
        options=options,
        code=code,
        values=tuple(row["value"] for row in valued),
        seeds=tuple(row["seed"] for row in valued),
        runs=len(rows),
        failures=dict(Counter(row["status"] for row in failed)),
        reason=reasons[0] if reasons else None,
        failure=failed[0]["reason"] if failed else None,
    )


def labels(identities: Collection[Identity]) -> dict[Identity, str]:
    """A label for each: the model's name, with what tells it from others of that name."""
    found = {}
    for model, options, code in identities:
        namesakes = [other for other in identities if other[0] == model]
        parts = []
        if len({other for _, other, _ in namesakes}) > 1:
            ours = json.loads(options)
            others = [json.loads(other) for _, other, _ in namesakes]
            parts += [
                f"{name}={ours[name]}"
                for name in ours
                if any(name in other and other[name] != ours[name] for other in others)
            ]
        if len({other for _, theirs, other in namesakes if theirs == options}) > 1:
            parts.append(f"code {code[:7]}")
        found[model, options, code] = f"{model}[{', '.join(parts)}]" if parts else model
    return found


def _labelled(unlabelled: Sequence[Entry]) -> list[Entry]:
    by_identity = labels([entry.identity for entry in unlabelled])
    return [replace(entry, label=by_identity[entry.identity]) for entry in unlabelled]


def _ranked(unranked: Sequence[Entry], better: str | None) -> list[Entry]:
    sign = -1.0 if better == "higher" else 1.0
    # Seeds that never got so far as to have the score would be left out of the mean, and praise it.
    valued = [entry for entry in unranked if entry.values and not entry.partial]
    valued.sort(key=lambda entry: sign * (entry.mean or 0.0))
    rest = [entry for entry in unranked if not entry.values or entry.partial]
    if better is None:
        return [*valued, *rest]
    worse_than = significant_pairs([entry.values for entry in valued])
    ranked = []
    for position, entry in enumerate(valued):
        ahead = sum((other, position) in worse_than for other in range(position))
        # A single run is told apart from nothing: to call that the first rank would mislead.
        ranked.append(replace(entry, rank=1 + ahead if len(entry.values) > 1 else None))
    return [*ranked, *rest]


def significant_pairs(samples: Sequence[Sequence[float]]) -> set[tuple[int, int]]:
    """Pairs (i, j), i < j, whose means differ by Welch's test with Holm's correction over all.

    A sample of one tells nothing apart, and has no part in the correction.
    """
    several = [number for number, sample in enumerate(samples) if len(sample) > 1]
    pairs = list(itertools.combinations(several, 2))
    tests = [welch(samples[i], samples[j]) for i, j in pairs]
    corrected = holm([1.0 if test is None else test.p_value for test in tests])
    return {pair for pair, p in zip(pairs, corrected, strict=True) if p <= SIGNIFICANCE}
