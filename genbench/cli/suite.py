"""``genbench suite``: run a suite, and hold what comes of it to published values."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genbench.cli import run
from genbench.cli.output import (
    format_option,
    number,
    print_json,
    print_table,
    results_option,
    with_spread,
)
from genbench.errors import UsageError

if TYPE_CHECKING:
    from genbench.leaderboard.published import Judged, Published, Trials

_PASSED_ON = (
    "executor",
    "device",
    "jobs",
    "threads",
    "timeout_seconds",
    "checkpoint_seconds",
    "exitfirst",
    "last_failed",
    "fresh",
    "quiet",
)
"""Options of ``genbench run`` that are this command's, too."""


def _shared(command: click.Command) -> click.Command:
    chosen = [option for option in run.command.params if option.name in _PASSED_ON]
    command.params = [command.params[0], *chosen, *command.params[1:]]
    return command


@click.command("suite")
@click.argument("reference", metavar="SUITE|FILE.toml")
@click.option("--no-run", is_flag=True, help="Only judge what is there.")
@click.option("--dry-run", is_flag=True, help="Show what would be run, and what is done already.")
@results_option
@format_option
@click.pass_context
def _command(
    context: click.Context,
    /,
    reference: str,
    no_run: bool,
    dry_run: bool,
    results: Path,
    format_: str,
    **how: Any,
) -> None:
    """Run all that SUITE names, then hold it to the values that papers give.

    A published value is open until as many seeds have ended as the suite asks for, then pass or
    fail: whether their mean is within the tolerance that the suite gives. Runs that are there
    already are not run again. The exit status is 0 only if every published value is a pass.
    """
    from genbench import suite

    if no_run and dry_run:
        raise click.UsageError("--no-run judges what is there, --dry-run shows what is not: one.")
    file = suite.find(reference)
    grids = suite.load(file, {})
    asked = [(published, grid.trials) for grid in grids for published in grid.published]
    if not asked:
        raise UsageError(
            f"The suite {reference} has no [[runs.published]]: there is nothing to hold it to. "
            f"To run it: genbench run {reference}"
        )
    if not no_run:
        how["quiet"] = how["quiet"] or format_ == "json"
        _run(context, file, results, dry_run=dry_run, format_=format_, **how)
    if dry_run:
        return
    judged = _judged(asked, results)
    if format_ == "json":
        print_json([_as_data(one) for one in judged])
    else:
        _print(judged)
    if any(one.verdict != "pass" for one in judged):
        raise SystemExit(1)


command = _shared(_command)


def _run(
    context: click.Context, file: Path, results: Path, *, dry_run: bool, format_: str, **how: Any
) -> None:
    if dry_run:  # else what is printed are the verdicts
        how["format_"] = format_
    try:
        context.invoke(run.command, suites=(str(file),), results=results, dry_run=dry_run, **how)
    except SystemExit as ended:
        if ended.code not in (0, 1):  # 1: a run is not ok, which its trial says
            raise


def _judged(asked: Iterable[tuple[Published, Trials]], results: Path) -> list[Judged]:
    from genbench.leaderboard import published, store

    folder = results / "leaderboard"
    rows = store.rows_of(store.read(folder)) if folder.exists() else []
    return [published.judge(value, trials, rows) for value, trials in asked]


def _print(judged: Iterable[Judged]) -> None:
    judged = list(judged)
    print_table(
        ["runs", "score", "published", "within", "obtained", "trials", "verdict"],
        [
            [
                _name(one.trials),
                one.published.score,
                with_spread(one.published.value, one.published.spread),
                f"± {number(one.published.tolerance)}",
                with_spread(one.mean, one.spread),
                _trials(one),
                one.verdict,
            ]
            for one in judged
        ],
    )
    for source in dict.fromkeys(one.published.source for one in judged):
        click.echo(f"Published: {source}.")


def _name(trials: Trials) -> str:
    told = ", ".join(f"{name}={value}" for name, value in trials.given.items())
    return f"{trials.model}{f'[{told}]' if told else ''} on {trials.dataset}"


def _trials(one: Judged) -> str:
    asked = len(one.trials.seeds)
    failed = f", {one.failed} failed" if one.failed else ""
    return f"{len(one.values)} of {asked}{failed}"


def _as_data(one: Judged) -> dict[str, Any]:
    return {
        "model": one.trials.model,
        "model_options": dict(one.trials.model_options),
        "dataset": one.trials.dataset,
        "dataset_options": dict(one.trials.dataset_options),
        "published": one.published.model_dump(mode="json"),
        "values": list(one.values),
        "mean": one.mean,
        "spread": one.spread,
        "trials": len(one.trials.seeds),
        "failed": one.failed,
        "verdict": one.verdict,
    }
