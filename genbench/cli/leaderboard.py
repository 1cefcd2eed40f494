"""``genbench leaderboard``: standings from the Parquet files; imports no torch.

Its own commands, which look after these files, are in `genbench.cli.upkeep`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from genbench.cli import upkeep
from genbench.cli.output import (
    NOTHING,
    console,
    format_option,
    only,
    print_json,
    print_table,
    results_option,
    with_spread,
)
from genbench.leaderboard import score_names
from genbench.protocol import hash_of

if TYPE_CHECKING:
    from genbench.contract import Weights
    from genbench.leaderboard.ranking import Entry, Standing


@click.group("leaderboard", invoke_without_command=True)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="Only this model; may be given again. Ranks are among those that are shown.",
)
@click.option("--dataset", metavar="NAME", help="Only this data set.")
@click.option("--protocol", "protocol_", metavar="NAME", help="Only this protocol.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="Only this metric or score, hardware scores included; may be given again. "
    "The first one sorts.",
)
@click.option(
    "--weights",
    type=click.Choice(["average", "last"]),
    default="average",
    show_default=True,
    help="Scores of the moving average of the weights, or of the last ones.",
)
@click.option("--skip-unreadable", is_flag=True, help="Leave damaged files out, and say which.")
@results_option
@format_option
@click.pass_context
def command(
    context: click.Context,
    models: tuple[str, ...],
    dataset: str | None,
    protocol_: str | None,
    metrics: tuple[str, ...],
    weights: Weights,
    skip_unreadable: bool,
    results: Path,
    format_: str,
) -> None:
    """Show mean ± spread over seeds and ranks, for every data set and protocol.

    Scores are ranked within one comparability key only: same data, protocol, weights, metric and
    extractor. A rank is one more than the number of models that are significantly better (Welch's
    test over seeds at 5%, Holm's correction): those that cannot be told apart share one.
    """
    if context.invoked_subcommand:
        _pass_on(context, context.invoked_subcommand)
        return
    from genbench.leaderboard import ranking, store

    skipped: list[str] | None = [] if skip_unreadable else None
    rows = store.rows_of(store.read(results / "leaderboard", skipped=skipped))
    for reason in skipped or ():
        click.echo(f"Left out: {reason}", err=True)
    rows = only(rows, "model", models)
    rows = only(rows, "dataset", (dataset,) if dataset else ())
    rows = only(rows, "protocol", (protocol_,) if protocol_ else ())
    known = ranking.standings(rows, weights)
    standings = _chosen(known, metrics)
    # Failures are never dropped: those that no standing counts are told by themselves.
    failed = ranking.unscored_failures(rows)
    if format_ == "json":
        print_json(
            {"standings": [_as_data(standing) for standing in standings], "failures": failed}
        )
        return
    print_standings(standings)
    if not metrics:
        _print_others(known)
    for row in failed:
        click.echo(f"{row['run_id']}: {row['status']}: {row['reason']}")
    if not standings and not failed:
        click.echo("Nothing here yet: genbench run --model NAME makes the first row.")


for upkeep_command in (upkeep.verify, upkeep.repair, upkeep.compact):
    command.add_command(upkeep_command)


def _pass_on(context: click.Context, subcommand: str) -> None:
    """Let what was given before the name of a command count for it; refuse what does not."""
    given = [
        parameter
        for parameter in context.command.params
        if context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    ]
    shared = {"results", "format_"}
    for parameter in given:
        if parameter.name not in shared:
            raise click.UsageError(f"{parameter.opts[0]} is not for {subcommand}.", context)
    values = {parameter.name: context.params[str(parameter.name)] for parameter in given}
    context.default_map = {subcommand: values}


def print_standings(standings: Iterable[Standing]) -> None:
    """One table for each data set and protocol."""
    groups = _groups(standings)
    names = Counter((group[0].dataset, group[0].protocol) for group in groups)
    for group in groups:
        # Equal names of other content: the tables are told apart by a hash of it.
        namesakes = names[group[0].dataset, group[0].protocol] > 1
        _print(group, mark=hash_of(group[0].group, 7) if namesakes else "")


def _chosen(standings: list[Standing], metrics: Sequence[str]) -> list[Standing]:
    if not metrics:
        # What depends on the machine, or has no better or worse, is shown when asked for.
        return [s for s in standings if s.better and not s.hardware]
    score_names.check(metrics, ((s.metric, s.score) for s in standings))
    return [
        s for name in metrics for s in standings if score_names.is_among([name], s.metric, s.score)
    ]


def _print_others(known: Iterable[Standing]) -> None:
    """Name the scores that are shown when asked for."""
    plain = {s.score: None for s in known if not s.better and not s.hardware}
    machine = {s.score: None for s in known if s.hardware}
    for what, names in {"neither better nor worse": plain, "of the machine": machine}.items():
        if names:
            click.echo(f"Shown with --metric NAME, {what}: {', '.join(names)}.")


def _groups(standings: Iterable[Standing]) -> list[list[Standing]]:
    groups: dict[tuple[str, ...], list[Standing]] = defaultdict(list)
    for standing in standings:
        # One table per data set and protocol, by fingerprint: an equal name is not enough.
        group = (standing.dataset, standing.protocol, standing.group, standing.weights)
        groups[group].append(standing)
    return list(groups.values())


def _print(group: Sequence[Standing], mark: str) -> None:
    first = group[0]
    entries = {
        (standing.key, _identity(entry)): entry for standing in group for entry in standing.entries
    }
    order = list(dict.fromkeys(_identity(entry) for s in group for entry in s.entries))
    header = ["model", "runs", "rank", *(_title(standing, group) for standing in group)]
    lines = []
    for identity in order:
        found = [entries.get((standing.key, identity)) for standing in group]
        there = [entry for entry in found if entry is not None]
        most = max(len(entry.values) for entry in there)
        lines.append(
            [
                there[0].label,
                # A metric that failed has no score to be shown: other columns say how often it did.
                _runs(max(there, key=lambda entry: sum(entry.failures.values()))),
                NOTHING if found[0] is None or found[0].rank is None else str(found[0].rank),
                *(_cell(entry, most) for entry in found),
            ]
        )
    better = f", {first.better} is better" if first.better else ""
    title = (
        f"{first.dataset} · {first.protocol} · test split · {first.weights} weights"
        f"{mark and f' · data or protocol {mark}'}\n"
        f"ranked by {_score(first, group)}{better}; mean ± standard deviation over seeds"
    )
    for chosen in blocks(header, lines, always=3, width=console().width):
        print_table(
            [header[column] for column in chosen],
            [[line[column] for column in chosen] for line in lines],
            title=title,
        )
        title = ""
    for note in _notes(group):
        click.echo(note)
    click.echo()


def blocks(
    header: Sequence[str], lines: Sequence[Sequence[str]], *, always: int, width: int
) -> list[list[int]]:
    """The columns of tables that fit a width, one below the other; the first few in each.

    A score that no model has makes no column: a note below says why.
    """
    sizes = [
        max(map(len, (name, *(line[column] for line in lines)))) + BETWEEN_COLUMNS
        for column, name in enumerate(header)
    ]
    fixed = list(range(always))
    found = [[*fixed]]
    for column in range(always, len(header)):
        if column > always and all(line[column] in ("n/a", NOTHING) for line in lines):
            continue
        if len(found[-1]) > always and sum(sizes[c] for c in (*found[-1], column)) > width:
            found.append([*fixed])
        found[-1].append(column)
    return found


BETWEEN_COLUMNS = 3
"""Characters that a table puts between two columns."""


def _notes(group: Sequence[Standing]) -> Iterator[str]:
    """What a reader of the table must know to read it right."""
    from genbench.leaderboard import schema

    first = group[0]
    whole = [entry for entry in first.entries if entry.values and not entry.partial]
    compared = len(whole)
    shared = len({entry.rank for entry in whole}) < compared
    if any(len(entry.values) == 1 for entry in first.entries):
        yield "One seed tells nothing apart: run with --seeds 3 or more for ranks."
    elif shared and first.better:
        yield (
            "Models that share a rank are not told apart (Welch's test, Holm's correction over "
            f"pairs: {compared * (compared - 1) // 2}). Fewer models (--model) or more seeds "
            "tell more."
        )
    elsewhere = [e.label for e in first.entries if e.code == schema.EXTERNAL]
    if elsewhere:
        yield f"Trained elsewhere: {', '.join(elsewhere)}."
    lacking: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for standing in group:
        for entry in standing.entries:
            if entry.reason and (not entry.values or entry.partial):
                lacking["n/a", entry.reason][entry.label] = None
            if entry.failure:
                lacking[next(iter(entry.failures)), entry.failure][entry.label] = None
    for (what, reason), labels in lacking.items():
        yield f"{what}: {reason.removesuffix('.')} ({', '.join(labels)})."


def _identity(entry: Entry) -> tuple[str, str, str]:
    return (entry.model, entry.options, entry.code)


def _score(standing: Standing, group: Sequence[Standing]) -> str:
    titles = score_names.titles((s.metric, s.score) for s in group)
    return titles[standing.metric, standing.score]


def _title(standing: Standing, group: Sequence[Standing]) -> str:
    namesakes = [s for s in group if (s.metric, s.score) == (standing.metric, standing.score)]
    title = _score(standing, group) + (f" [{standing.unit}]" if standing.unit else "")
    if len(namesakes) == 1:
        return title
    # Equal names under different keys are different scores: they stand side by side, marked by
    # what is theirs alone, and where nothing that rows tell is, by the key itself.
    marks = _marks(standing, namesakes)
    if sum(_marks(other, namesakes) == marks for other in namesakes) > 1:
        marks.append(f"key {standing.key[:4]}")
    return f"{title} ({', '.join(marks)})"


def _marks(standing: Standing, namesakes: Sequence[Standing]) -> list[str]:
    """Options of the metric, and an extractor, that not all namesakes have."""
    ours, theirs = (
        json.loads(standing.metric_options),
        [json.loads(other.metric_options) for other in namesakes],
    )
    marks = [
        f"{name}={value}"
        for name, value in ours.items()
        if any(other.get(name) != value for other in theirs)
    ]
    if len({other.extractor for other in namesakes}) > 1:
        marks.append(standing.extractor or "no extractor")
    return marks


def _runs(entry: Entry) -> str:
    failed = sum(entry.failures.values())
    if not failed:
        return str(entry.runs)
    what = ", ".join(f"{count} {status}" for status, count in entry.failures.items())
    return f"{entry.runs - failed}/{entry.runs} ({what})"


def _cell(entry: Entry | None, most: int) -> str:
    """A score of one model, of which some other score has been measured in ``most`` runs."""
    if entry is None:
        return NOTHING
    if entry.mean is None:
        return "n/a" if entry.reason else NOTHING
    cell = with_spread(entry.mean, entry.spread)
    runs = entry.runs if entry.partial else most
    return f"{cell} ({len(entry.values)} of {runs})" if len(entry.values) < runs else cell


def _as_data(standing: Standing) -> dict[str, Any]:
    data = asdict(standing)
    for entry, described in zip(standing.entries, data["entries"], strict=True):
        described |= {"mean": entry.mean, "spread": entry.spread}
    return data
