"""``genbench leaderboard verify``, ``repair`` and ``compact``; imports no torch."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from genbench.cli.output import format_option, print_json, results_option


@click.command("verify")
@results_option
@format_option
@click.pass_context
def verify(context: click.Context, results: Path, format_: str) -> None:
    """Read every byte of the leaderboard and name what is wrong; exit status 0 if nothing is.

    Nothing is changed. Damaged, missing and doubled parts are named, parts that the manifest does
    not list, and what writers that died left behind.
    """
    from genbench.leaderboard.verify import verify

    folder = results / "leaderboard"
    problems = verify(folder)
    if format_ == "json":
        print_json([asdict(problem) for problem in problems])
    elif problems:
        for problem in problems:
            click.echo(f"{folder / problem.file}: {problem.problem} {problem.remedy}")
    else:
        click.echo(f"{folder} is sound.")
    context.exit(1 if problems else 0)


@click.command("repair")
@results_option
@format_option
def repair(results: Path, format_: str) -> None:
    """Make the leaderboard readable again; no row is deleted that anything counts.

    Damaged parts are moved to leaderboard/_damaged, good ones that the manifest does not list are
    listed, rows that are there twice are kept once, and leftovers of writers that died go.
    """
    from genbench.leaderboard.repair import repair

    folder = results / "leaderboard"
    done = repair(folder)
    if format_ == "json":
        print_json(done)
        return
    for sentence in done or ["Nothing to do."]:
        click.echo(f"{folder}: {sentence}")


@click.command("compact")
@results_option
@format_option
def compact(results: Path, format_: str) -> None:
    """Gather the files of single runs in one; safe while runs are writing and readers reading."""
    from genbench.leaderboard.compact import compact

    compaction = compact(results / "leaderboard")
    if format_ == "json":
        print_json(asdict(compaction))
        return
    for reason in compaction.left:
        click.echo(f"Left as it is: {reason}", err=True)
    if compaction.path is None:
        click.echo("Nothing to compact.")
    else:
        click.echo(f"{compaction.path} has the rows of {compaction.runs} more runs.")
