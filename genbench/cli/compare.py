"""``genbench compare``: two leaderboards, or two models of one; imports no torch."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from genbench.cli.output import format_option, only, print_json, results_option
from genbench.errors import UsageError

if TYPE_CHECKING:
    from genbench.contract import Weights
    from genbench.leaderboard.schema import Row
    from genbench.leaderboard.unmatched import Side


def _share(ctx: click.Context, param: click.Parameter, text: str | None) -> float | None:
    """``2%`` or ``0.02``, as a fraction; a bare 2 could be either, so it is refused."""
    if text is None:
        return None
    if not re.fullmatch(r"\d+(\.\d+)?%|0?\.\d+|0(\.0+)?", text):
        raise click.BadParameter(f"{text!r} is no share: write 2% or 0.02; 0% allows none.")
    return float(text[:-1]) / 100 if text.endswith("%") else float(text)


@click.command("compare")
@click.argument("leaderboards", nargs=-1, metavar="[A B]", type=click.Path(path_type=Path))
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="Given twice without A and B: the two models of one leaderboard to compare. With A and "
    "B: only this model; may be given again. 'NAME[latent_dim=16]' and 'NAME[code 38fcab3]' say "
    "which of several.",
)
@click.option("--dataset", metavar="NAME", help="Only this data set.")
@click.option("--protocol", "protocol_", metavar="NAME", help="Only this protocol.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="Only this metric or score, hardware scores included; may be given again.",
)
@click.option(
    "--weights",
    type=click.Choice(["average", "last"]),
    default="average",
    show_default=True,
    help="Scores of the moving average of the weights, or of the last ones.",
)
@click.option(
    "--fail-if-worse",
    "allowed",
    callback=_share,
    metavar="SHARE",
    help="Exit with status 1 if a score of B is significantly worse, its mean by more than this "
    "share of A's mean (2%, 0.02), or could not be judged at all.",
)
@click.option("--skip-unreadable", is_flag=True, help="Leave damaged files out, and say which.")
@results_option
@format_option
@click.pass_context
def command(
    ctx: click.Context,
    leaderboards: tuple[Path, ...],
    models: tuple[str, ...],
    dataset: str | None,
    protocol_: str | None,
    metrics: tuple[str, ...],
    weights: Weights,
    allowed: float | None,
    skip_unreadable: bool,
    results: Path,
    format_: str,
) -> None:
    """Compare the leaderboards A and B, or two models of one: is B better?

    A and B are results folders, leaderboard folders or single Parquet files. Models are matched by
    name and options, each in the newest version of its code, and scores within one comparability
    key only; what could not be compared is named, with the part of the key that differs.

    Verdicts are by Welch's test over seeds at 5%, with Holm's correction over all that is tested.
    The interval of each difference is its own 95% interval, not corrected.

    --fail-if-worse passes only what it could judge: a score that A has and B lacks, or has under
    another key or of a single seed, and a larger share of failed runs fail it too. --model and
    --metric narrow what counts. What is undecided passes.

    The exit status is 1 if --fail-if-worse says so, and 2 if nothing could be compared.
    """
    from genbench.cli import verdicts
    from genbench.leaderboard import comparison as comparisons
    from genbench.leaderboard import gate

    if len(leaderboards) not in (0, 2) or (not leaderboards and len(models) != 2):
        raise UsageError(
            "compare takes two leaderboards, as in genbench compare A B; or two models of one, as "
            "in genbench compare --model X --model Y --results DIR."
        )
    if leaderboards and ctx.get_parameter_source("results") is not ParameterSource.DEFAULT:
        raise UsageError(
            "--results is for two models of one leaderboard: leave it out, or A and B."
        )
    sides = [_read(path, skip_unreadable) for path in leaderboards or (results,)]
    for column, name in (("dataset", dataset), ("protocol", protocol_)):
        names = () if name is None else (name,)
        known = {row[column] for rows in sides for row in rows}
        sides = [only(rows, column, names, known=known) for rows in sides]
    if leaderboards:
        a, b = _two_leaderboards(sides[0], sides[1], models)
    else:
        a, b = _two_models(sides[0], models[0], models[1])
    found = comparisons.compare(a, b, weights=weights, metrics=metrics, by_model=bool(leaderboards))
    objections = [] if allowed is None else list(gate.objections(found, allowed))
    if format_ == "json":
        print_json(verdicts.as_data(found, objections, leaderboards or (results, results)))
    if not found.compared:
        raise UsageError(verdicts.nothing_compared(found))
    if format_ == "text":
        verdicts.print_comparison(found, leaderboards)
    if allowed is not None and objections:
        verdicts.print_objections(objections, allowed)
        ctx.exit(1)


def _read(path: Path, skip_unreadable: bool) -> list[Row]:
    """The rows of a results folder, a leaderboard folder or a single file."""
    from genbench.leaderboard import store

    if not path.exists():
        raise UsageError(
            f"There is no results folder, leaderboard or Parquet file at {path}. "
            f"genbench run --results {path} makes one."
        )
    inside = path / "leaderboard"
    skipped: list[str] | None = [] if skip_unreadable else None
    rows = store.rows_of(store.read(inside if inside.is_dir() else path, skipped=skipped))
    for reason in skipped or ():
        click.echo(f"Left out: {reason}", err=True)
    if not rows:
        raise UsageError(
            f"There are no rows in {path}: compare takes results folders, leaderboard folders "
            "and single Parquet files."
        )
    return rows


def _two_leaderboards(a: list[Row], b: list[Row], models: Iterable[str]) -> tuple[Side, Side]:
    """Rows of the named models; of all, if none is named."""
    from genbench.leaderboard import selection
    from genbench.leaderboard.ranking import identity
    from genbench.leaderboard.unmatched import Side

    known = {identity(row) for row in (*a, *b)}
    chosen = {whose for label in models for whose in selection.named(label, known)} or known
    return (
        Side("A", "in A", selection.of(a, chosen)),
        Side("B", "in B", selection.of(b, chosen)),
    )


def _two_models(rows: list[Row], x: str, y: str) -> tuple[Side, Side]:
    """Rows of each of two models, which may be one in two versions.

    Raises:
        UsageError: a label that names none, several, or the same as the other.
    """
    from genbench.leaderboard import selection
    from genbench.leaderboard.ranking import identity
    from genbench.leaderboard.unmatched import Side

    known = {identity(row) for row in rows}
    # A run that failed on import has its options as given: no choice beside a measured one.
    measured = {identity(row) for row in rows if row["metric"] is not None}
    chosen = [selection.named(label, known) for label in (x, y)]
    for label, named in zip((x, y), chosen, strict=True):
        selection.only_one(label, [whose for whose in named if whose in measured])
    if set(chosen[0]) == set(chosen[1]):
        raise UsageError(f"{x!r} and {y!r} are the same: compare takes two models.")
    return (
        Side(x, f"for {x}", selection.of(rows, chosen[0])),
        Side(y, f"for {y}", selection.of(rows, chosen[1])),
    )
