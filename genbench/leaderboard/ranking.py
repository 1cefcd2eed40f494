"""Standings: mean and spread over seeds, and ranks that only count differences that are real.

A standing is made within one comparability key, never across. An entry's rank is one more than
the number of entries that are significantly better: those that cannot be told apart share one.
"""

from __future__ import annotations

import itertools
import json
import statistics
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scipy.stats import ttest_ind_from_stats

from genbench.leaderboard.schema import Row

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
    """All runs of this entry, those that failed included."""
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


def standings(rows: Iterable[Row], weights: str = "average") -> list[Standing]:
    """Standings of the final scores, in the order in which the rows first name them.

    Args:
        rows: of a leaderboard, with all columns.
        weights: which weights' scores.
    """
    rows = list(rows)
    finals = [r for r in rows if r["fraction"] == 1 and r["split"] == "test"]
    scored = _newest(row for row in finals if row["weights"] == weights)
    runs = _runs(rows)
    by_key: dict[str, list[Row]] = defaultdict(list)
    for row in scored:
        by_key[row["key"]].append(row)
    return [_standing(key, group, runs) for key, group in by_key.items()]


def _newest(rows: Iterable[Row]) -> list[Row]:
    # The same weights evaluated twice (another metric was added) are one result, not two.
    newest: dict[tuple[str, str], Row] = {}
    for row in sorted(rows, key=lambda row: row["created"]):
        newest[row["training_id"], row["key"]] = row
    return list(newest.values())


def _group(row: Row) -> tuple[Any, ...]:
    return (row["dataset"], row["dataset_options"], row["protocol_fingerprint"])


def _entry_key(row: Row) -> tuple[str, str, str]:
    return (row["model"], row["model_options"], row["model_code"])


def _runs(rows: Iterable[Row]) -> dict[tuple[Any, ...], dict[tuple[str, str, str], dict[str, str]]]:
    """By group and entry: the latest status of each training, from all rows."""
    runs: dict[tuple[Any, ...], dict[tuple[str, str, str], dict[str, str]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for row in sorted(rows, key=lambda row: row["created"]):
        statuses = runs[_group(row)][_entry_key(row)]
        if row["metric"] is None:
            statuses[row["training_id"]] = row["status"]
        elif row["fraction"] == 1 and row["split"] == "test":
            statuses[row["training_id"]] = "ok"
    return runs


def _standing(key: str, rows: Sequence[Row], runs: dict[Any, Any]) -> Standing:
    first = rows[0]
    by_entry: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["seed"]):
        by_entry[_entry_key(row)].append(row)
    # A model that never got as far as a score has its place too, at the end.
    statuses = runs[_group(first)]
    entries = [_entry(k, by_entry.get(k, []), statuses[k].values()) for k in statuses]
    entries = _ranked(_labelled(entries), first["better"])
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
        entries=tuple(entries),
    )


def _entry(key: tuple[str, str, str], rows: Sequence[Row], statuses: Collection[str]) -> Entry:
    model, options, code = key
    valued = [row for row in rows if row["value"] is not None]
    failures = [status for status in statuses if status != "ok"]
    return Entry(
        model=model,
        options=options,
        code=code,
        values=tuple(row["value"] for row in valued),
        seeds=tuple(row["seed"] for row in valued),
        runs=len(statuses),
        failures={status: failures.count(status) for status in dict.fromkeys(failures)},
        reason=next((row["reason"] for row in rows if row["reason"]), None),
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
                if any(other.get(name) != ours[name] for other in others)
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
