"""``genbench check``: does a plugin keep its side of the contract, and if not, what mends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import click

from genbench import registry
from genbench.cli.output import format_option, print_json
from genbench.testing.finding import Result


@click.command("check")
@click.argument("name", required=False)
@click.option(
    "--kind",
    type=click.Choice(registry.KINDS),
    help="Where several kinds have that name; without NAME: all of that kind that are installed.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME.OPTION=VALUE",
    help="An option of the plugin, as in genbench run.",
)
@click.option(
    "--data",
    metavar="SHAPE|NAME",
    help="Check a model on data of this shape, as 3x48x48 or 2, or on this data set.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=120.0,
    show_default=True,
    help="Seconds that one check may take.",
)
@format_option
def command(
    name: str | None,
    kind: registry.Kind | None,
    settings: tuple[str, ...],
    data: str | None,
    timeout: float,
    format_: str,
) -> None:
    """Hold NAME, a plugin or FILE.py:CLASS, to the contract; or with --kind alone all of a kind.

    Each promise is a check, made on small made-up data, in another process: what hangs or ends
    it is found, too. What is found is told with what was promised and what mends it, and the exit
    status is 1. The same for pytest: genbench.testing.contract.
    """
    if name is None:
        if kind is None:
            raise click.UsageError("Give NAME; or --kind alone, for all of that kind.")
        if settings:
            raise click.UsageError("--set is for one plugin: give NAME.")
        _check_all(kind, data, timeout, format_)
        return
    from genbench.testing.process import Checked

    if ":" not in name or kind:
        from genbench.naming import named

        named(name, kind)  # a wrong name is answered before anything is started
    checked = Checked(name, kind, _of(name, settings), data, timeout)
    results: list[Result] = []
    for result in checked.results():
        if format_ == "text":
            if not results:
                click.echo(f"{checked.title}\n")
            _print(result)
        results.append(result)
    if format_ == "json":
        print_json({"plugin": checked.title, "checks": [result.plain() for result in results]})
    else:
        click.echo(f"\n{_counted(results)}")
    if _wrong(results):
        raise SystemExit(1)


def _check_all(kind: registry.Kind, data: str | None, timeout: float, format_: str) -> None:
    """A line for each plugin, and what was found of it."""
    from genbench.errors import GenbenchError
    from genbench.testing.process import Checked

    told, sound = [], True
    for name in registry.catalogue(kind):
        checked = Checked(name, kind, {}, data, timeout)
        results: list[Result] = []
        error = None
        try:
            results += checked.results()
        except GenbenchError as raised:
            error = str(raised)
        sound &= error is None and not _wrong(results)
        told.append(
            {
                "plugin": checked.title or name,
                "error": error,
                "checks": [result.plain() for result in results],
            }
        )
        if format_ == "text":
            click.echo(f"{name:<24}{error or _counted(results)}")
            for result in results:
                if result.findings:
                    _print(result)
    if format_ == "json":
        print_json(told)
    if not sound:
        raise SystemExit(1)


def _wrong(results: Sequence[Result]) -> list[str]:
    return [result.check for result in results if result.state == "wrong"]


def _counted(results: Sequence[Result]) -> str:
    states = Counter(result.state for result in results if result.state != "wrong")
    counted = ", ".join(f"{number} {state}" for state, number in states.items())
    wrong = _wrong(results)
    return counted + (f"; wrong: {', '.join(wrong)}" if wrong else "")


def _of(name: str, texts: tuple[str, ...]) -> dict[str, str]:
    """The options of this plugin.

    Raises:
        UsageError: an option of another plugin.
    """
    from genbench import grid
    from genbench.errors import UsageError

    plugin = name.rpartition(":")[2]
    chosen = grid.combinations(grid.parse_settings(texts))
    if len(chosen) > 1:
        raise UsageError("--set gives an option several values: check them one by one.")
    for other in chosen[0]:
        if other != plugin:
            raise UsageError(
                f"--set {other}.…: what is checked is {plugin!r}: --set {plugin}.OPTION=VALUE."
            )
    return chosen[0].get(plugin, {})


def _print(result: Result) -> None:
    click.echo(f"{result.state:<9}{result.check:<21}{result.note}".rstrip())
    for finding in result.findings:
        click.echo(f"{'':9}promised: {finding.promised}")
        click.echo(f"{'':9}happened: {finding.happened}")
        if finding.mend:
            click.echo(f"{'':9}-> {finding.mend}")
