"""``genbench run``: the main job."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genbench import plan, protocol, registry
from genbench.cli.output import format_option, number, print_json, print_table, results_option

if TYPE_CHECKING:
    from genbench.job import Outcome
    from genbench.plan import RunSpec


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

    chosen = protocol.load(protocol_)
    if seeds is not None and seed_list:
        raise click.UsageError("Give --seeds N or --seed K, not both.")
    requests = plan.requests(
        models=models,
        datasets=datasets,
        protocol=chosen,
        metrics=metrics,
        extractor=extractor,
        seeds=seed_list or range(seeds or chosen.seeds),
        settings=plan.parse_settings(settings),
    )
    outcomes: list[Outcome] = []
    with contextlib.ExitStack() as stack:
        shown = stack.enter_context(display(quiet=quiet or pdb))
        runner = _executor(executor, pdb)
        stack.callback(runner.close)
        specs = runner.resolve(requests, device)
        try:
            for outcome in session.run_all(
                specs,
                runner,
                results=results,
                device=device,
                threads=threads,
                fresh=fresh,
                listeners=[shown],
            ):
                outcomes.append(outcome)
                if outcome.status == "interrupted":
                    break
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
    _report(specs, outcomes, results, quiet, format_)
    if len(outcomes) < len(specs) or any(outcome.status != "ok" for outcome in outcomes):
        raise SystemExit(1)


def _executor(name: str, pdb: bool) -> Any:
    if not pdb:
        return registry.load(registry.find("executor", name))()
    import sys

    from genbench.executors.in_process import InProcessExecutor

    def stop_where_it_was_raised(kind: Any, error: BaseException, trace: Any) -> None:
        import pdb as debugger
        import traceback

        traceback.print_exception(kind, error, trace)
        debugger.post_mortem(trace)

    sys.excepthook = stop_where_it_was_raised
    return InProcessExecutor(debug=True)


def _report(
    specs: Sequence[RunSpec],
    outcomes: Sequence[Outcome],
    results: Path,
    quiet: bool,
    format_: str,
) -> None:
    from genbench.folder import RunFolder
    from genbench.leaderboard import store

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


def _print_runs(reports: Sequence[tuple[Outcome, Any, list[dict[str, Any]]]]) -> None:
    """Many runs: one table of their models, and a line for each run that is not like the rest."""
    from genbench.cli.leaderboard import print_standings
    from genbench.leaderboard import ranking

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


def _print_run(outcome: Outcome, folder: Any, rows: Sequence[dict[str, Any]]) -> None:
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


def _print_next(spec: RunSpec, folder: Any, results: Path) -> None:
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
