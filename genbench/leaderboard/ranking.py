"""Standings: mean and spread over seeds, and ranks that only count differences that are real.

A standing is made within one comparability key, never across. An entry's rank is one more than
the number of entries that are significantly better: those that cannot be told apart share one.
"""

from __future__ import annotations

import itertools
import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from scipy.stats import ttest_ind_from_stats

from genbench.contract import Weights
from genbench.leaderboard.schema import SAMPLE_RANGE, Row

SIGNIFICANCE = 0.05
"""Of the whole family of comparisons in one standing, by Holm's correction."""


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
    rank: int | None = None
    label: str = ""
    """The model's name, with what tells it from other entries of that name."""

    @property
    def mean(self) -> float | None:
        """Over the seeds."""
        return statistics.fmean(self.values) if self.values else None

    @property
    def spread(self) -> float | None:
        """The sample standard deviation over the seeds; None with fewer than two."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


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
    by_key: dict[str, list[Row]] = defaultdict(list)
    failures: list[Row] = []
    for row in sorted(rows, key=lambda row: row["created"]):
        if row["metric"] is None:
            failures.append(row)
        elif row["fraction"] == 1 and row["split"] == "test" and row["weights"] == weights:
            by_key[row["key"]].append(row)
    return [_standing(key, found, failures) for key, found in by_key.items()]


def unscored_failures(rows: Iterable[Row]) -> list[Row]:
    """Failed runs of data sets and protocols that no run has a score for, so no standing either."""
    rows = list(rows)
    scored = [row for row in rows if row["metric"] is not None]
    return [
        row
        for row in rows
        if row["metric"] is None and not any(_same_conditions(row, other) for other in scored)
    ]


def _same_conditions(failure: Row, scored: Row) -> bool:
    """Whether a failed run was to be measured as a row was: on that data, under that protocol."""
    if failure["protocol_fingerprint"] != scored["protocol_fingerprint"]:
        return False
    if failure["dataset_fingerprint"] is not None:
        return bool(failure["dataset_fingerprint"] == scored["dataset_fingerprint"])
    # It failed before it read its data: the name is known, and the options at least as given.
    given, full = json.loads(failure["dataset_options"]), json.loads(scored["dataset_options"])
    return bool(failure["dataset"] == scored["dataset"] and given.items() <= full.items())


def _identity(row: Row) -> tuple[str, str, str]:
    return (row["model"], row["model_options"], row["model_code"])


def _standing(key: str, rows: Sequence[Row], failures: Sequence[Row]) -> Standing:
    first = rows[0]
    # One result for an entry and seed: the newest score, for weights that were evaluated twice or
    # trained again by another version. A score wins over a failure: that seed has been measured.
    results: dict[tuple[str, str, str], dict[int, Row]] = defaultdict(dict)
    for failure in failures:
        asked = first["metric"] in json.loads(failure["metrics"]) or first["metric"] == SAMPLE_RANGE
        if asked and any(_same_conditions(failure, row) for row in rows):
            results[_identity(failure)][failure["seed"]] = failure
    for row in rows:
        results[_identity(row)][row["seed"]] = row
    entries = [_entry(identity, by_seed) for identity, by_seed in results.items()]
    return Standing(
        key=key,
        group=f"{first['dataset_fingerprint']}/{first['protocol_fingerprint']}",
        dataset=first["dataset"],
        protocol=first["protocol"],
        split=first["split"],
        weights=first["weights"],
        metric=first["metric"],
        score=first["score"],
        extractor=first["extractor"],
        better=first["better"],
        unit=first["unit"] or "",
        hardware=first["hardware"],
        entries=tuple(_ranked(_labelled(entries), first["better"])),
    )


def _entry(identity: tuple[str, str, str], by_seed: dict[int, Row]) -> Entry:
    model, options, code = identity
    rows = [by_seed[seed] for seed in sorted(by_seed)]
    valued = [row for row in rows if row["value"] is not None]
    failures = Counter(row["status"] for row in rows if row["metric"] is None)
    reasons = [row["reason"] for row in rows if row["metric"] is not None and row["reason"]]
    return Entry(
        model=model,
        options=options,
        code=code,
        values=tuple(row["value"] for row in valued),
        seeds=tuple(row["seed"] for row in valued),
        runs=len(rows),
        failures=dict(failures),
        reason=reasons[0] if reasons else None,
    )


def _labelled(entries: Sequence[Entry]) -> list[Entry]:
    labelled = []
    for entry in entries:
        namesakes = [other for other in entries if other.model == entry.model]
        parts = []
        if len({other.options for other in namesakes}) > 1:
            ours = json.loads(entry.options)
            others = [json.loads(other.options) for other in namesakes]
            parts += [
                f"{name}={ours[name]}"
                for name in ours
                if any(name in other and other[name] != ours[name] for other in others)
            ]
        if len({other.code for other in namesakes if other.options == entry.options}) > 1:
            parts.append(f"code {entry.code[:7]}")
        label = f"{entry.model}[{', '.join(parts)}]" if parts else entry.model
        labelled.append(replace(entry, label=label))
    return labelled


def _ranked(entries: Sequence[Entry], better: str | None) -> list[Entry]:
    sign = -1.0 if better == "higher" else 1.0
    valued = [entry for entry in entries if entry.mean is not None]
    valued.sort(key=lambda entry: sign * (entry.mean or 0.0))
    rest = [entry for entry in entries if entry.mean is None]
    if better is None:
        return [*valued, *rest]
    worse_than = significant_pairs([entry.values for entry in valued])
    ranked = []
    for position, entry in enumerate(valued):
        ahead = sum((other, position) in worse_than for other in range(position))
        ranked.append(replace(entry, rank=1 + ahead))
    return [*ranked, *rest]


def significant_pairs(samples: Sequence[Sequence[float]]) -> set[tuple[int, int]]:
    """Pairs (i, j), i < j, whose means differ by Welch's test with Holm's correction over all.

    Welch (1947); Holm (1979). A sample of one tells nothing apart.
    """
    pairs = [
        (welch_p_value(samples[i], samples[j]), (i, j))
        for i, j in itertools.combinations(range(len(samples)), 2)
    ]
    significant = set()
    for tested, (p_value, pair) in enumerate(sorted(pairs)):
        if p_value > SIGNIFICANCE / (len(pairs) - tested):
            break
        significant.add(pair)
    return significant


def welch_p_value(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p-value that two samples have equal means; 1 where one has a single value."""
    if len(a) < 2 or len(b) < 2:
        return 1.0
    mean_a, mean_b = statistics.fmean(a), statistics.fmean(b)
    spread_a, spread_b = statistics.stdev(a), statistics.stdev(b)
    if spread_a == spread_b == 0:
        # Deterministic scores: equal or not, there is nothing to test.
        return 1.0 if mean_a == mean_b else 0.0
    result = ttest_ind_from_stats(
        mean_a, spread_a, len(a), mean_b, spread_b, len(b), equal_var=False
    )
    return float(result.pvalue)
