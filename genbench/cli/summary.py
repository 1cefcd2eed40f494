"""What ``genbench run`` prints when it is done."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from genbench import session
from genbench.cli.leaderboard import print_standings
from genbench.cli.output import number, print_json, print_table
from genbench.folder import RunFolder
from genbench.job import Outcome
from genbench.leaderboard import ranking, score_names
from genbench.leaderboard.schema import Row
from genbench.plan import RunSpec


def print_summary(
    specs: Sequence[RunSpec],
    outcomes: Sequence[Outcome],
    results: Path,
    *,
    quiet: bool,
    format_: str,
) -> None:
    """Print the scores, where the files are and what to try next; when quiet, only what failed."""
    reports = [_Report(outcome, session.rows_of(outcome)) for outcome in outcomes]
    missing = len({spec.run_id for spec in specs}) - len(outcomes)
    if format_ == "json":
        print_json([{**report.outcome.model_dump(), "rows": report.rows} for report in reports])
        return
    if quiet:
        for report in reports:
            _print_failure(report.outcome, stderr=True)
        return
    click.echo()
    if len(reports) == 1:
        _print_run(reports[0])
    elif reports:
        _print_runs(reports)
    if missing:
        click.echo(f"{missing} of {missing + len(reports)} runs were not begun.")
    if missing or any(outcome.status == "interrupted" for outcome in outcomes):
        click.echo("The same command goes on where this one stopped:")
        click.echo(f"  {shlex.join(['genbench', *sys.argv[1:]])}")
    elif reports:
        _print_next(specs, outcomes, results)


@dataclass(frozen=True)
class _Report:
    outcome: Outcome
    rows: list[Row]


def _print_failure(outcome: Outcome, *, stderr: bool = False) -> None:
    if outcome.status == "ok":
        return
    click.echo(f"{outcome.run_id}: {outcome.status}: {outcome.reason}", err=stderr)
    log = RunFolder(outcome.folder).log
    if outcome.status != "running" and log.is_file():
        click.echo(f"  what led there: {log}", err=stderr)


def _print_runs(reports: Sequence[_Report]) -> None:
    """Many runs: one table of their models, and a line for each run that is not like the rest."""
    rows = [row for report in reports for row in report.rows]
    print_standings([s for s in ranking.standings(rows) if s.better and not s.hardware])
    for report in reports:
        _print_failure(report.outcome)
    reused = sum(report.outcome.reused for report in reports)
    if reused:
        click.echo(f"{reused} of {len(reports)} runs were there already; --fresh runs them again.")
    resumed = sum(report.outcome.resumed_at is not None for report in reports)
    if resumed:
        click.echo(f"{resumed} of {len(reports)} runs went on where an earlier command stopped.")


def _print_run(report: _Report) -> None:
    """One run: every score, of the average and of the last weights."""
    outcome, rows = report.outcome, report.rows
    title = f"{outcome.run_id}: {outcome.status}"
    if outcome.reused:
        made = f"device {rows[0]['device']}, threads {rows[0]['threads']}"
        title += f" (was there already, made with {made}; --fresh runs it again)"
    elif outcome.resumed_at is not None:
        title += f" (went on at {outcome.resumed_at:,} images)"
    if outcome.status == "ok":
        click.echo(title)
    print_scores(rows)
    _print_failure(outcome)


def print_scores(rows: Sequence[Row]) -> None:
    """The reported scores of one run, with both weights, and why those that have none do."""
    final = [row for row in rows if row["split"] == "test" and row["fraction"] == 1]
    by_score: dict[tuple[str, str], dict[str, Row]] = {}
    for row in final:
        by_score.setdefault((row["metric"], row["score"]), {})[row["weights"]] = row
    if by_score:
        print_table(
            ["score", "average", "last", "better", "unit"],
            [
                [
                    _name(metric, score),
                    *(_cell(found.get(weights)) for weights in ("average", "last")),
                    next(iter(found.values()))["better"] or "",
                    next(iter(found.values()))["unit"] or "",
                ]
                for (metric, score), found in by_score.items()
            ],
        )
        for note in dict.fromkeys(
            f"{_name(metric, score)} does not apply: {reason}."
            for (metric, score), found in by_score.items()
            if (reason := next(iter(found.values()))["reason"])
        ):
            click.echo(note)


def _name(metric: str, score: str) -> str:
    """In full, as a reader meets it here first; once, where a score has its metric's name."""
    return score if score == metric else score_names.full(metric, score)


def _cell(row: Row | None) -> str:
    if row is None or row["value"] is None:
        return "n/a"
    error = row["error"]
    return number(row["value"]) + (f" ± {error:.2g}" if error else "")


def _with_seeds(count: int) -> str:
    """The command that was given, with more seeds."""
    given = [argument for argument in sys.argv[1:] if not argument.startswith("--fresh")]
    for name in ("--seed", "--seeds"):
        while name in given:
            del given[given.index(name) : given.index(name) + 2]
        given = [argument for argument in given if not argument.startswith(f"{name}=")]
    return shlex.join(["genbench", *given, "--seeds", str(count)])


def _print_next(specs: Sequence[RunSpec], outcomes: Sequence[Outcome], results: Path) -> None:
    """Where the files are, and the commands that a reader of this may want next."""
    first, one = specs[0], len(outcomes) == 1
    folder = RunFolder.of(results, first.run_id)
    where = "" if str(results) == "results" else f" --results {results}"
    click.echo(f"files        {folder.path if one else folder.path.parent}/")
    if one and folder.samples.is_file():
        click.echo(f"samples      {folder.samples}")
    click.echo(f"leaderboard  {folder.rows if one else folder.leaderboard}{'' if one else '/'}")
    suggestions = {f"genbench leaderboard{where}": "all models so far"}
    if one and outcomes[0].status == "ok":
        model = first.model.name if not first.model.plugin.is_file else first.model.target
        suggestions |= {
            f"genbench show {model}": "its options",
            _with_seeds(3): "the spread over seeds",
        }
    if any(outcome.status == "failed" for outcome in outcomes):
        suggestions["the same command with --pdb"] = "stop where the plugin raises"
        suggestions[f"genbench run --last-failed{where}"] = "again, with what was mended"
    click.echo("try next")
    for command, purpose in suggestions.items():
        click.echo(f"  {command:<54} # {purpose}")
