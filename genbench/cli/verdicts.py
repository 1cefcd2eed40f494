"""What ``genbench compare`` prints: a table per model, what was not compared, and JSON."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from genbench.cli.output import console, number, print_table, with_spread
from genbench.leaderboard import score_names
from genbench.leaderboard.comparison import Compared, Comparison
from genbench.leaderboard.gate import Objection
from genbench.leaderboard.keys import in_words
from genbench.leaderboard.ranking import Entry
from genbench.leaderboard.statistics import MOST_SEEDS, POWER, SIGNIFICANCE
from genbench.leaderboard.unmatched import NotCompared, Subject, counted

INDENT = "  "


def print_comparison(found: Comparison, leaderboards: Sequence[Path]) -> None:
    """Print all of it as text; ``leaderboards`` are those of A and B, if there are two."""
    for side, path in zip((found.a, found.b), leaderboards, strict=False):
        click.echo(f"{side.name}  {path}")
    if leaderboards:
        click.echo()
    for group in _groups(found.compared):
        _print_table(found, group)
    for note in _notes(found):
        click.echo(_filled(note))
    for (dataset, protocol), lines in _not_compared(found.not_compared).items():
        click.echo(f"\nNot compared on {dataset} under {protocol}:")
        for line in lines:
            click.echo(_filled(line, INDENT))
    for line in _unscored(found):
        click.echo(_filled(line))


def print_objections(objections: Iterable[Objection], allowed: float) -> None:
    """Print what a gate did not let pass, on standard error."""
    click.echo(f"Not passed (--fail-if-worse {100 * allowed:g}%):", err=True)
    for line in _by_reason((objection.subject, objection.reason) for objection in objections):
        click.echo(_filled(line, INDENT), err=True)


def nothing_compared(found: Comparison) -> str:
    """One message for a comparison that is empty."""
    reasons = [
        *_by_reason((one.subject, one.reason) for one in found.not_compared),
        *_unscored(found),
    ]
    if not reasons:
        return "Nothing could be compared: neither has a final score of these weights."
    return "\n".join(
        ["Nothing could be compared:", *(_filled(reason, INDENT) for reason in reasons)]
    )


def _groups(compared: Iterable[Compared]) -> list[list[Compared]]:
    """What shares a table: a model, a data set and a protocol; by what they are, not by name."""
    groups: dict[tuple[str, ...], list[Compared]] = defaultdict(list)
    for one in compared:
        subject = one.subject
        where = (subject.dataset, subject.protocol, subject.group)
        groups[*where, *one.a.identity, *one.b.identity].append(one)
    return list(groups.values())


def _print_table(found: Comparison, group: Sequence[Compared]) -> None:
    first = group[0]
    subject = first.subject
    title = [subject.dataset, subject.protocol, "test split", f"{subject.weights} weights"]
    print_table(
        ["score", found.a.name, found.b.name, "difference", "verdict"],
        [_row(one, group) for one in group],
        title=" · ".join([subject.model, *title] if subject.model else title)
        + _versions(found, first),
    )


def _versions(found: Comparison, one: Compared) -> str:
    """Which code, and which options, of one model: a line for its title."""
    if one.a.model != one.b.model:
        return ""
    where_a, where_b = found.a.where, found.b.where
    code = f"code {one.a.code[:7]} {where_a}, {one.b.code[:7]} {where_b}"
    if one.a.code == one.b.code:
        code = f"the same code, {one.a.code[:7]}"
    return "\n" + "; ".join([code, *(in_words(part, where_a, where_b) for part in one.options)])


def _row(one: Compared, group: Sequence[Compared]) -> list[str]:
    """A row of two lines, so that all of it fits a terminal."""
    verdict, remark = _verdict(one)
    first = [
        _title(one, group),
        with_spread(one.a.mean, one.a.spread),
        with_spread(one.b.mean, one.b.spread),
        number(one.difference) + _share(one.relative),
        verdict,
    ]
    second = [
        f"{one.subject.better} is better" if one.subject.better else "",
        _seeds(one.a),
        _seeds(one.b),
        f"{number(one.test.interval[0])} to {number(one.test.interval[1])}" if one.test else "",
        remark,
    ]
    return [f"{above}\n{below}" for above, below in zip(first, second, strict=True)]


def _title(one: Compared, group: Sequence[Compared]) -> str:
    subject = one.subject
    titles = score_names.titles((each.subject.metric, each.subject.score) for each in group)
    title = titles[subject.metric, subject.score]
    title += f" [{subject.unit}]" if subject.unit else ""
    namesakes = [
        other
        for other in group
        if (other.subject.metric, other.subject.score) == (subject.metric, subject.score)
    ]
    # Equal names under different keys are different scores: they stand below each other, marked.
    return title if len(namesakes) == 1 else f"{title} (key {subject.key[:4]})"


def _share(relative: float | None) -> str:
    return "" if relative is None else f" ({relative:+.1%})"


def _seeds(entry: Entry) -> str:
    count = len(entry.values)
    failed = counted(entry.failures)
    return f"{count} seed{'s' * (count != 1)}" + (f", {failed}" if failed else "")


def _verdict(one: Compared) -> tuple[str, str]:
    """The verdict with its p, and what is to be said of it."""
    if one.verdict == "equal":
        return "equal", "the same values"
    if one.p_corrected is None:
        return "undecided", "one seed tells nothing"
    verdict = f"{one.verdict}, {_p(one.p_corrected)}"
    if one.verdict != "undecided":
        return verdict, "no spread" if one.test and one.test.freedom is None else ""
    if one.more_seeds is None:
        return verdict, f"{MOST_SEEDS:,} more won't do"
    return verdict, f"about {one.more_seeds} more seed{'s' * (one.more_seeds != 1)}"


def _p(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p {p:.2g}"


def _notes(found: Comparison) -> Iterator[str]:
    """What a reader of the tables must know to read them right."""
    if found.compared:
        yield (
            f"Mean ± standard deviation over seeds; difference of {found.b.name} from "
            f"{found.a.name}, below it its own 95% interval (Welch)."
        )
    if found.tested:
        yield (
            f"Verdicts at {SIGNIFICANCE:.0%}, p by Welch's test"
            + (
                f" and Holm's correction over {found.tested} tests: an interval may leave out 0 "
                "and the verdict be undecided."
                if found.tested > 1
                else "."
            )
        )
    if any(one.more_seeds for one in found.compared):
        yield (
            f"About n more seeds of each would decide, with a power of {POWER:.0%}, if the "
            "difference and the spreads are what they seem."
        )
    if any(one.test is None and one.verdict != "equal" for one in found.compared):
        yield "One seed tells nothing: run with --seeds 3 or more."
    for side, older in found.older:
        yield (
            f"Older code of {older.model} {side.where} is left out: {older.code[:7]}, for the "
            f"newer {older.instead[:7]}."
        )


def _not_compared(left: Iterable[NotCompared]) -> dict[tuple[str, str], list[str]]:
    """What was not compared, in lines, by data set and protocol."""
    places: dict[tuple[str, str], list[NotCompared]] = defaultdict(list)
    for one in left:
        places[one.subject.dataset, one.subject.protocol].append(one)
    return {
        place: _by_reason((one.subject, one.reason) for one in found)
        for place, found in places.items()
    }


def _unscored(found: Comparison) -> list[str]:
    """Failed runs that no score stands beside: they are never dropped."""
    return [
        f"{row['run_id']} {side.where}: {row['status']}: {row['reason']}"
        for side, row in found.unscored
    ]


def _by_reason(found: Iterable[tuple[Subject, str]]) -> list[str]:
    """``SCORES of MODELS: reason``, as few lines as say it all."""
    scores: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for subject, reason in found:
        scores[reason, subject.model][subject.score] = None
    models: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (reason, model), named in scores.items():
        models[reason, tuple(named)].append(model)
    lines = []
    for (reason, of_them), who in models.items():
        of = f" of {', '.join(who)}" if any(who) else ""
        lines.append(f"{', '.join(of_them)}{of}: {reason}")
    return lines


def _filled(text: str, indent: str = "") -> str:
    """A sentence in lines of the terminal's width."""
    return textwrap.fill(
        text,
        min(console().width, 100),
        initial_indent=indent,
        subsequent_indent=2 * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def as_data(
    found: Comparison, objections: Iterable[Objection], leaderboards: Sequence[Path]
) -> dict[str, Any]:
    """All of it as plain data, numbers unrounded."""
    return {
        **{
            letter: {"name": side.name, "from": str(path)}
            for letter, side, path in zip("ab", (found.a, found.b), leaderboards, strict=True)
        },
        "significance": SIGNIFICANCE,
        "tested": found.tested,
        "compared": [_compared(one) for one in found.compared],
        "not_compared": [
            {
                **asdict(one.subject),
                "reason": one.reason,
                "lost": one.lost,
                "parts": [asdict(part) for part in one.parts],
            }
            for one in found.not_compared
        ],
        "older_code": [{"side": side.name, **asdict(older)} for side, older in found.older],
        "failures": [{"side": side.name, **row} for side, row in found.unscored],
        "objections": [{**asdict(one.subject), "reason": one.reason} for one in objections],
    }


def _compared(one: Compared) -> dict[str, Any]:
    test = one.test
    return {
        **asdict(one.subject),
        "a": _entry(one.a),
        "b": _entry(one.b),
        "difference": one.difference,
        "relative": one.relative,
        "error": test and test.error,
        "freedom": test and test.freedom,
        "interval": test and test.interval,
        "p": test and test.p_value,
        "p_corrected": one.p_corrected,
        "verdict": one.verdict,
        "more_seeds": one.more_seeds,
        "other_options": [asdict(part) for part in one.options],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    names = ("model", "options", "code", "values", "seeds", "mean", "spread", "runs", "failures")
    return {name: getattr(entry, name) for name in names}
