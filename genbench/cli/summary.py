"""What ``genbench run`` prints when it is done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from genbench.cli.leaderboard import print_standings
from genbench.cli.output import number, print_json, print_table
from genbench.folder import RunFolder
from genbench.job import Outcome
from genbench.leaderboard import ranking, store
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
    by_id = {outcome.run_id: outcome for outcome in outcomes}
    reports = []
    for spec in specs:
        outcome = by_id.get(spec.run_id)
        if outcome is None:
            continue
        folder = RunFolder.of(results, spec.run_id)
        reports.append((spec, outcome, folder, store.rows_of(store.read_file(folder.rows))))
    if format_ == "json":
        print_json(
            [
                {**outcome.model_dump(), "folder": str(folder.path), "rows": rows}
                for _, outcome, folder, rows in reports
            ]
        )
        return
    if quiet:
        for _, outcome, folder, _ in reports:
            if outcome.status != "ok":
                click.echo(f"{outcome.run_id}: {outcome.status}: {outcome.reason}", err=True)
                click.echo(f"  log: {folder.log}", err=True)
        return
    if len(reports) == 1:
        _print_run(*reports[0][1:])
    else:
        _print_runs([report[1:] for report in reports])
    if len(by_id) < len(specs):
        click.echo(f"{len(specs) - len(by_id)} of {len(specs)} runs were not begun.")
    if any(outcome.status == "interrupted" for outcome in outcomes) or len(by_id) < len(specs):
        click.echo("The same command again goes on with what is missing.")
    elif reports:
        _print_next(reports[0][0], reports[0][2], results)


def _print_runs(reports: Sequence[tuple[Outcome, RunFolder, list[dict[str, Any]]]]) -> None:
    """Many runs: one table of their models, and a line for each run that is not like the rest."""
    click.echo()
    rows = [row for _, _, found in reports for row in found]
    print_standings([s for s in ranking.standings(rows) if s.better and not s.hardware])
    for outcome, folder, _ in reports:
        if outcome.status != "ok":
            click.echo(f"{outcome.run_id}: {outcome.status}: {outcome.reason}")
            click.echo(f"  what led there: {folder.log}")
    reused = sum(outcome.reused for outcome, _, _ in reports)
    if reused:
        click.echo(f"{reused} of {len(reports)} runs were there already; --fresh runs them again.")


def _print_run(outcome: Outcome, folder: RunFolder, rows: Sequence[dict[str, Any]]) -> None:
    """One run: every score, of the average and of the last weights."""
    final = [row for row in rows if row["split"] == "test" and row["fraction"] == 1]
    by_score: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for row in final:
        by_score.setdefault((row["metric"], row["score"]), {})[row["weights"]] = row
    title = f"{outcome.run_id}: {outcome.status}"
    if outcome.reused:
        title += " (was there already; --fresh runs it again)"
    click.echo()
    if by_score:
        print_table(
            ["score", "average", "last", "better", "unit"],
            [
                [
                    score if score == metric else f"{metric} {score}",
                    *(_cell(found.get(weights)) for weights in ("average", "last")),
                    next(iter(found.values()))["better"] or "",
                    next(iter(found.values()))["unit"] or "",
                ]
                for (metric, score), found in by_score.items()
            ],
            title=title,
        )
        for note in dict.fromkeys(
            f"{metric} {score} does not apply: {reason}."
            for (metric, score), found in by_score.items()
            if (reason := next(iter(found.values()))["reason"])
        ):
            click.echo(note)
    else:
        click.echo(title)
    if outcome.status != "ok":
        click.echo(f"{outcome.status}: {outcome.reason}")
        click.echo(f"What led there: {folder.log}")


def _cell(row: dict[str, Any] | None) -> str:
    if row is None or row["value"] is None:
        return "n/a"
    error = row["error"]
    return number(row["value"]) + (f" ± {error:.2g}" if error else "")


def _print_next(spec: RunSpec, folder: RunFolder, results: Path) -> None:
    where = "" if str(results) == "results" else f" --results {results}"
    click.echo(f"files        {folder.path}/")
    if folder.samples.is_file():
        click.echo(f"samples      {folder.samples}")
    click.echo(f"leaderboard  {folder.rows}")
    click.echo("try next")
    model = spec.model.name
    if not spec.model.plugin.is_file:
        click.echo(f"  genbench show {model:<40} # its options")
        more = f"genbench run --model {model} --seeds 3{where}"
        click.echo(f"  {more:<54} # the spread over seeds")
    click.echo(f"  {f'genbench leaderboard{where}':<54} # all models so far")
