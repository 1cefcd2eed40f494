"""``genbench run``: the main job."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from genbench import plan, protocol, registry
from genbench.cli.output import format_option, results_option
from genbench.errors import UsageError

if TYPE_CHECKING:
    from genbench.executors import Executor
    from genbench.job import Outcome


@click.command("run")
@click.option(
    "--model",
    "models",
    multiple=True,
    required=True,
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
    default="quick",
    show_default=True,
    metavar="NAME|FILE.toml",
    help="Budget, batch size, evaluation.",
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
    help="An option of a plugin; genbench show NAME lists them. May be given again.",
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="auto|cpu|cuda|cuda:N",
    help="Where to train and evaluate.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="CPU threads of a run. More of them may change scores in the last digits.",
)
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End a run that takes longer, as timed-out.",
)
@click.option("--executor", default="local", show_default=True, help="Who runs it.")
@click.option("--fresh", is_flag=True, help="Run again what is there already.")
@click.option("--pdb", is_flag=True, help="Stop in the debugger where a plugin raises.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@results_option
@format_option
def command(
    models: tuple[str, ...],
    datasets: tuple[str, ...],
    protocol_: str,
    metrics: tuple[str, ...],
    extractor: str | None,
    seeds: int | None,
    seed_list: tuple[int, ...],
    settings: tuple[str, ...],
    device: str,
    threads: int,
    timeout_seconds: float | None,
    executor: str,
    fresh: bool,
    pdb: bool,
    quiet: bool,
    results: Path,
    format_: str,
) -> None:
    """Train and evaluate models under a protocol, and add them to the leaderboard.

    Every combination of model, data set and seed is one run. A run that is there already, whole,
    is not run again. The exit status is 0 only if every run is ok.

    \b
    Examples:
      genbench run --model NAME
      genbench run --model NAME --model OTHER --seeds 3 --set NAME.lr=1e-4
      genbench run --model ./mine.py:MyVAE --protocol smoke
    """
    from genbench import session
    from genbench.cli.progress import display
    from genbench.cli.summary import print_summary

    chosen = protocol.load(protocol_)
    if seeds is not None and seed_list:
        raise click.UsageError("Give --seeds N or --seed K, not both.")
    if pdb and timeout_seconds is not None:
        raise click.UsageError("--pdb runs in this process, which --timeout cannot end.")
    given = plan.parse_settings(settings)
    requests = plan.requests(
        models=models,
        datasets=datasets,
        protocol=chosen,
        metrics=metrics,
        extractor=extractor,
        seeds=seed_list or range(seeds or chosen.seeds),
        settings=given,
    )
    outcomes: list[Outcome] = []
    with contextlib.ExitStack() as stack:
        shown = stack.enter_context(display(quiet=quiet or pdb, runs=len(requests)))
        runner = _executor(executor, pdb)
        stack.callback(runner.close)
        specs = runner.resolve(requests, device)
        plan.check_settings(specs, given)
        try:
            outcomes.extend(
                session.run_all(
                    specs,
                    runner,
                    results=results,
                    device=device,
                    threads=threads,
                    timeout_seconds=timeout_seconds,
                    fresh=fresh,
                    listeners=[shown],
                )
            )
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
        except (Exception, SystemExit) as error:
            if not pdb or isinstance(error, UsageError):
                raise
            _stop_where_it_was_raised(error)
    print_summary(specs, outcomes, results, quiet=quiet, format_=format_)
    asked = {spec.run_id for spec in specs}
    if len(outcomes) < len(asked) or any(outcome.status != "ok" for outcome in outcomes):
        raise SystemExit(1)


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
