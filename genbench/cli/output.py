"""What commands print: JSON, or text and tables that fit the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genbench.errors import UsageError, nearest

if TYPE_CHECKING:
    from rich.console import Console

NOTHING = "-"
"""In the cell of a table that has no value."""

format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print.",
)

results_option = click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("results"),
    show_default=True,
    help="The results folder.",
)


def only(
    rows: Sequence[dict[str, Any]],
    column: str,
    names: Sequence[str],
    *,
    known: Collection[str] | None = None,
) -> list[dict[str, Any]]:
    """The rows that have one of these names in a column; all rows where no name is given.

    Raises:
        UsageError: a name that none has, nor is among the ``known`` of other rows.
    """
    there = {row[column] for row in rows} if known is None else known
    for name in names:
        if name not in there:
            raise UsageError(f"No run has the {column} {name!r}. {nearest(name, there)}")
    return [row for row in rows if not names or row[column] in names]


def print_json(data: Any) -> None:
    """Print plain data as JSON."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False, default=str))


def console(*, stderr: bool = False) -> Console:
    """A rich console that prints text as it is; wide where no terminal sets a width."""
    from rich.console import Console

    # Held on to: a run in this process sends what it prints to its log meanwhile.
    stream = sys.stderr if stderr else sys.stdout
    terminal = Console(file=stream, markup=False, highlight=False, emoji=False)
    if not terminal.is_terminal:
        terminal.width = 200
    return terminal


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> None:
    """Print a table; the first column to the left, the others to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    if title:
        click.echo(title)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for position, column in enumerate(columns):
        table.add_column(
            Text(column), justify="left" if position == 0 else "right", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)


def number(value: float | None) -> str:
    """A number with four significant digits, large ones with separators."""
    if value is None:
        return NOTHING
    if value == 0:
        return "0"
    if abs(value) >= 1e4:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= 1e-3 else f"{value:.3g}"


def with_spread(mean: float | None, spread: float | None) -> str:
    """``mean ± spread``, the spread to two digits."""
    if mean is None or spread is None:
        return number(mean)
    return f"{number(mean)} ± {spread:.2g}"
