"""``genbench run``: the main job."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from genbench import grid, plan, registry
from genbench.cli.output import format_option, results_option
from genbench.errors import UsageError

if TYPE_CHECKING:
    from genbench.executors import Executor
    from genbench.job import Outcome
    from genbench.plan import Request, RunSpec


@click.command("run")
@click.argument("suites", nargs=-1, metavar="[SUITE|FILE.toml]...")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME|FILE.py:CLASS",
    help="A model; may be given again.",
)
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    metavar="NAME|FILE.py:CLASS",
    help="A data set; may be given again.  [default: the protocol's]",
)
@click.option(
    "--protocol",
    "protocol_",
    metavar="NAME|FILE.toml",
    help="Budget, batch size, evaluation.  [default: quick]",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME|FILE.py:CLASS",
    help="A metric; may be given again.  [default: the protocol's]",
)
@click.option(
    "--extractor",
    metavar="NAME|FILE.py:CLASS",
    help="Extractor of features.  [default: the data set's]",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many seeds: 0 to N-1.  [default: the protocol's]",
)
@click.option(
    "--seed",
    "seed_list",
    type=click.IntRange(0, 2**63 - 1),
    multiple=True,
    metavar="K",
    help="This seed; may be given again.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME.OPTION=VALUE",
    help="An option of a plugin; genbench show NAME lists them. Several values for one option are "
    "a grid: a run for each.",
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="auto|cpu|cuda|cuda:0,2",
    help="Where to train and evaluate; auto is every CUDA device, or the CPU.",
)
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Runs at once on each device.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="CPU threads of a run. More of them may change scores in the last digits.",
)
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End a run that takes longer, as timed-out.",
)
@click.option(
    "--checkpoint-every",
    "checkpoint_seconds",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How much training a crash may cost.",
)
@click.option("--executor", default="local", show_default=True, help="Who runs it.")
@click.option("--dry-run", is_flag=True, help="Show what would be run, and what is done already.")
@click.option("--exitfirst", "-x", is_flag=True, help="End at the first run that is not ok.")
@click.option(
    "--last-failed",
    "--lf",
    is_flag=True,
    help="Only what the last command did not bring to a good end; of the models given, or of all.",
)
@click.option("--fresh", is_flag=True, help="Begin from nothing, whatever is there already.")
@click.option("--pdb", is_flag=True, help="Stop in the debugger where a plugin raises.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@results_option
@format_option
def command(
    suites: tuple[str, ...],
    models: tuple[str, ...],
    datasets: tuple[str, ...],
    protocol_: str | None,
    metrics: tuple[str, ...],
    extractor: str | None,
    seeds: int | None,
    seed_list: tuple[int, ...],
    settings: tuple[str, ...],
    device: str,
    jobs: int,
    threads: int,
    timeout_seconds: float | None,
    checkpoint_seconds: float,
    executor: str,
    dry_run: bool,
    exitfirst: bool,
    last_failed: bool,
    fresh: bool,
    pdb: bool,
    quiet: bool,
    results: Path,
    format_: str,
) -> None:
    """Train and evaluate models under a protocol, and add them to the leaderboard.

    Every combination of model, data set, seed and value of --set is one run; a suite file holds
    many such grids. A run that is there already, whole, is not run again; one that was cut short
    goes on where it stopped. The exit status is 0 only if every run is ok.

    \b
    Examples:
      genbench run --model NAME
      genbench run --model NAME --model OTHER --seeds 3 --set NAME.lr=1e-4 --set NAME.lr=1e-3
      genbench run --model ./mine.py:MyVAE --protocol smoke
      genbench run suite.toml --jobs 2
    """
    if seeds is not None and seed_list:
        raise click.UsageError("Give --seeds N or --seed K, not both.")
    if pdb and timeout_seconds is not None:
        raise click.UsageError("--pdb runs in this process, which --timeout cannot end.")
    from genbench import session, status

    overrides = {
        "models": models,
        "datasets": datasets,
        "protocol": protocol_,
        "metrics": metrics,
        "extractor": extractor,
        "seeds": seed_list or seeds,
        "set": grid.parse_settings(settings),
    }
    requests, given = _asked(
        suites, {k: v for k, v in overrides.items() if v}, last_failed, results
    )
    if not requests:
        none = "None of these runs" if models or suites else "Nothing"
        click.echo("[]" if format_ == "json" else f"{none} failed last time.")
        return
    session.check_writable(results)
    how = session.Settings(
        threads=threads,
        timeout_seconds=timeout_seconds,
        checkpoint_seconds=checkpoint_seconds,
        fresh=fresh,
        fail_fast=exitfirst,
    )
    from genbench.cli.dry_run import print_plan
    from genbench.cli.progress import display
    from genbench.cli.summary import print_summary

    outcomes: list[Outcome] = []
    specs: list[RunSpec] = []
    with contextlib.ExitStack() as stack:
        shown = stack.enter_context(display(quiet=quiet or pdb or dry_run, runs=len(requests)))
        runner = _executor(executor, pdb)
        stack.callback(runner.close)
        try:
            with session.interrupts_passed_to(runner, _say_that_it_ends):
                slots = runner.open(device, min(jobs, len(requests)), timeout_seconds)
                specs = runner.resolve(requests)
                plan.check_settings(specs, given)
                if dry_run:
                    print_plan(specs, results, fresh=fresh, format_=format_)
                    return
                told = ["genbench", *sys.argv[1:]]
                record = status.CommandRecord(results, requests, specs, told)
                stack.enter_context(record)
                for outcome in session.run_all(
                    specs,
                    runner,
                    results=results,
                    slots=slots,
                    settings=how,
                    listeners=[shown, record],
                ):
                    outcomes.append(outcome)
                    record.ended(outcome)
        except KeyboardInterrupt:
            click.echo("Interrupted before anything was run." if not outcomes else "", err=True)
        except (Exception, SystemExit) as error:
            if not pdb or isinstance(error, UsageError):
                raise
            _stop_where_it_was_raised(error)
    print_summary(specs, outcomes, results, quiet=quiet, format_=format_)
    asked = {spec.run_id for spec in specs}
    if len(outcomes) < max(len(asked), 1) or any(o.status != "ok" for o in outcomes):
        raise SystemExit(1)


def _asked(
    suites: Sequence[str], overrides: dict[str, Any], last_failed: bool, results: Path
) -> tuple[list[Request], set[str]]:
    """The runs that were asked for, and the names of plugins that were given options."""
    from genbench import status, suite

    grids = [grid for name in suites for grid in suite.load(suite.find(name), overrides)]
    if not suites and "models" in overrides:
        grids = [suite.Grid.model_validate(overrides)]
    requests = [request for grid in grids for request in grid.requests()]
    if last_failed:
        undone = [
            plan.refreshed(request)
            for command in status.commands(results)
            if not command.alive
            for request in command.undone
        ]
        beyond = sorted(overrides.keys() - {"models"})
        if beyond and not grids:
            raise click.UsageError(
                "--last-failed without --model or a suite takes up all that failed, as it was "
                f"asked for: leave out what chooses {', '.join(beyond)}."
            )
        if grids:
            undone = [request for request in undone if request in requests]
        return undone, set()
    if not grids:
        raise click.UsageError(
            "Say what to run: --model NAME (genbench list models), or a suite file."
        )
    return requests, suite.names(grids)


def _say_that_it_ends(at_once: bool) -> None:
    # Written past everything that buffers or draws: this is called from a handler of signals.
    text = "Ending at once." if at_once else "Saving and ending; once more ends at once."
    os.write(2, f"\n{text}\n".encode())


def _executor(name: str, pdb: bool) -> Executor:
    if pdb:
        from genbench.executors.in_process import InProcessExecutor

        return InProcessExecutor(debug=True)
    executor: Executor = registry.load(registry.find("executor", name))()
    return executor


def _stop_where_it_was_raised(error: BaseException) -> NoReturn:
    """Open the debugger in the plugin, whose exception is the cause of what is shown of it."""
    import pdb
    import traceback

    raised = error.__cause__ or error
    traceback.print_exception(raised)
    pdb.post_mortem(raised.__traceback__)
    raise SystemExit(1)
