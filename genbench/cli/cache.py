"""``genbench cache``: what is kept to be made only once, and how to be rid of it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from genbench import cache
from genbench.cli.output import format_option, print_json, print_table
from genbench.errors import UsageError, nearest


@click.group("cache", invoke_without_command=True)
@format_option
@click.pass_context
def command(context: click.Context, format_: str) -> None:
    """Show what is kept: features of data sets, statistics of them, downloads, decoded images.

    All of it can be made or fetched again. GENBENCH_CACHE names another folder for it.
    """
    if context.invoked_subcommand:
        return
    parts = list(cache.parts())
    if format_ == "json":
        print_json({"folder": cache.root(), "parts": [vars(part) for part in parts]})
        return
    click.echo(cache.root())
    if not parts:
        click.echo("Nothing is kept.")
        return
    rows = [[part.name, f"{part.files:,}", _shown(part.size_bytes)] for part in parts]
    total = [sum(part.files for part in parts), sum(part.size_bytes for part in parts)]
    rows.append(["all", f"{total[0]:,}", _shown(total[1])])
    print_table(("part", "files", "size"), rows)


@command.command("clear")
@click.argument("names", nargs=-1, metavar="[PART]...")
@click.option("--all", "everything", is_flag=True, help="Every part, downloads too.")
def clear(names: Sequence[str], everything: bool) -> None:
    """Delete PARTs of what is kept, as `genbench cache` lists them; best when nothing runs."""
    if everything == bool(names):
        raise click.UsageError("Name what is to be deleted, as genbench cache lists it; or --all.")
    there = {part.name: part for part in cache.parts()}
    for name in names:
        if name not in there:
            raise UsageError(f"Nothing is kept of {name!r}. {nearest(name, there)}")
    for part in [there[name] for name in dict.fromkeys(names)] or there.values():
        cache.clear(part)
        click.echo(f"{part.name}: {part.files:,} files, {_shown(part.size_bytes)} deleted")
    if not there:
        click.echo("Nothing is kept.")


def _shown(size_bytes: int) -> str:
    """A size in the unit that fits it."""
    size, units = float(size_bytes), ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.0f} B" if units[0] == "B" else f"{size:.1f} {units[0]}"
