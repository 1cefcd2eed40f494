"""``genbench evaluate``: scores of samples that were made elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genbench import grid
from genbench.cli.output import (
    NOTHING,
    format_option,
    number,
    print_json,
    print_table,
    results_option,
    with_spread,
)
from genbench.leaderboard import score_names

if TYPE_CHECKING:
    from torch import Tensor

    from genbench.evaluator import Evaluator
    from genbench.external.scores import Scores
    from genbench.leaderboard.schema import Row


MUCH_CLIPPED = 0.01
"""Of all values: more than rounding and a rare overshoot explain."""


@click.command("evaluate")
@click.option(
    "--samples",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR|FILE.npy|FILE.parquet",
    help="The samples: a folder of images, an array (N, C, H, W) or (N, H, W, C) of uint8 or of "
    "floats in [-1, 1], (N, D) for points, or a table.",
)
@click.option("--dataset", metavar="NAME|FILE.py:CLASS", help="Measure against its test split.")
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    metavar="DIR|FILE.npy|FILE.parquet",
    help="Measure against these in place of a data set.",
)
@click.option(
    "--name",
    metavar="NAME",
    help="That the model goes by in the leaderboard.  [default: that of the samples' file]",
)
@click.option("--no-add", is_flag=True, help="Print the scores, and add no rows.")
@click.option(
    "--protocol",
    "protocol_",
    metavar="NAME|FILE.toml",
    help="Beside whose rows they go: you say that the model was trained under its budget.  "
    "[default: none, beside those of other such models with as many samples]",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME|FILE.py:CLASS",
    help="A metric; may be given again.  [default: the protocol's, or those of quick]",
)
@click.option(
    "--extractor",
    metavar="NAME|FILE.py:CLASS",
    help="Extractor of features.  [default: the data set's]",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME.OPTION=VALUE",
    help="An option of a data set, metric or extractor.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="That the model was trained from.",
)
@click.option("--images", type=click.IntRange(min=1), help="Real images that it was trained on.")
@click.option("--fresh", is_flag=True, help="Replace rows of this name and seed.")
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda:0")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, metavar="N")
@results_option
@format_option
def command(
    samples: Path,
    dataset: str | None,
    reference: Path | None,
    name: str | None,
    no_add: bool,
    protocol_: str | None,
    metrics: tuple[str, ...],
    extractor: str | None,
    settings: tuple[str, ...],
    seed: int,
    images: int | None,
    fresh: bool,
    device: str,
    threads: int,
    results: Path,
    format_: str,
) -> None:
    """Score samples that were made elsewhere, and add them to a leaderboard.

    Metrics that need a model, and not its samples alone, are not applicable and say so.

    A table FILE.parquet has a column `image` of encoded images, or a column of numbers for each
    coordinate of a point.

    \b
    Examples:
      genbench evaluate --samples ./generated --dataset NAME
      genbench evaluate --samples x.npy --dataset NAME --name my-gan --protocol quick --seed 0
      genbench evaluate --samples ./generated --reference ./real --extractor NAME --metric fid
    """
    if (dataset is None) == (reference is None):
        raise click.UsageError("Give --dataset or --reference: one of the two.")
    for option, value in {"--name": name, "--images": images, "--fresh": fresh}.items():
        if no_add and value:
            raise click.UsageError(f"{option} is for rows of a leaderboard, --no-add for none.")
    named_after = samples.absolute()
    name = None if no_add else name or (named_after.name if samples.is_dir() else named_after.stem)
    from genbench import session
    from genbench.evaluator import Evaluator
    from genbench.external.read import read

    if name is not None:
        session.check_writable(results)
    evaluator = Evaluator(
        dataset,
        reference=None if reference is None else _at_rest(reference),
        protocol=protocol_,
        metrics=metrics,
        extractor=extractor,
        options=one_value_each(settings),
        device=device,
        threads=threads,
    )
    given = read(samples, evaluator.data.shape)
    if name is None:
        scores = evaluator(samples=given, split="test", seed=seed)
    else:
        scores = evaluator.add(
            name, samples=given, seed=seed, results=results, images=images, fresh=fresh
        )
    if format_ == "json":
        print_json(_as_data(scores, evaluator, given))
        return
    _print(scores, evaluator, given)
    if name is not None:
        click.echo(f"Added as {scores.rows[0]['run_id']} to {results / 'leaderboard'}")


def one_value_each(settings: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Options as given; a grid of several values is for `genbench run`."""
    parsed = grid.parse_settings(settings)
    for target, values in parsed.items():
        if len(values) > 1:
            raise click.UsageError(
                f"--set {target} is given {len(values)} times: this is one evaluation."
            )
    return grid.combinations(parsed)[0]


def _at_rest(path: Path) -> Tensor:
    from genbench.data import to_rest
    from genbench.external.read import read

    x = read(path)
    return to_rest(x) if x.ndim == 4 and x.is_floating_point() else x


def _print(scores: Scores, evaluator: Evaluator, samples: Tensor) -> None:
    click.echo(
        f"{len(samples):,} samples against {len(evaluator.test):,} real examples of "
        f"{evaluator.data.name}"
    )
    titles = score_names.titles((row["metric"], row["score"]) for row in scores.rows)
    rows = [
        [
            titles[row["metric"], row["score"]],
            NOTHING
            if row["value"] is None
            else with_spread(row["value"], row["error"])
            if row["error"] is not None
            else number(row["value"]),
            str(row["unit"] or ""),
            str(row["better"] or ""),
        ]
        for row in scores.rows
        if row["value"] is not None
    ]
    print_table(("score", "value ± its own error", "unit", "better"), rows)
    options = _options_of_metrics(scores.rows)
    if options:
        click.echo(f"measured with {options}")
    reasons: dict[str, list[str]] = {}
    for score, reason in scores.not_applicable.items():
        reasons.setdefault(reason, []).append(score)
    for reason, lacking in reasons.items():
        click.echo(f"{', '.join(lacking)}: {reason}")
    clipped = scores.get("clipped_fraction", 0.0)
    if clipped > MUCH_CLIPPED:
        click.echo(
            f"Note: {clipped:.1%} of the values were outside [-1, 1] and have been clipped: other "
            "images are scored than were given."
        )


def _options_of_metrics(rows: Iterable[Row]) -> str:
    """Of those that gave a value: with other options they would be other scores."""
    found = {
        f"{row['metric']}.{option}": value
        for row in rows
        if row["value"] is not None
        for option, value in json.loads(row["metric_options"]).items()
    }
    return " ".join(f"{name}={value}" for name, value in found.items())


def _as_data(scores: Scores, evaluator: Evaluator, samples: Tensor) -> dict[str, object]:
    return {
        "dataset": evaluator.data.name,
        "samples": len(samples),
        "real": len(evaluator.test),
        "rows": scores.rows,
    }
