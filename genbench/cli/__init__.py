"""The command line: one file per command, each imported when it is used."""

from __future__ import annotations

import importlib
from typing import Any

import click

from genbench import __version__
from genbench.errors import GenbenchError, nearest

COMMANDS = {
    "run": "Train and evaluate models, and add them to the leaderboard.",
    "suite": "Run a suite and hold it to published values.",
    "list": "List the installed models, data sets, metrics, protocols and suites.",
    "show": "Show a plugin with its options, a protocol, or a run.",
    "status": "Say what is queued, running, done and failed.",
    "leaderboard": "Show mean, spread and rank of every model; verify, repair, compact.",
    "compare": "Compare two leaderboards, or two models of one.",
    "evaluate": "Score samples that were made elsewhere, and add them to a leaderboard.",
    "check": "Hold a plugin to the contract, and say how to mend it.",
    "cache": "Show and clear what is kept to be made only once.",
    "doctor": "Check this installation and say how to mend it.",
}


class _Shown(click.ClickException):
    """A `GenbenchError` on its way to the terminal: its message, without a traceback."""

    def __init__(self, error: GenbenchError) -> None:
        super().__init__(str(error))
        self.__dict__["exit_code"] = error.exit_code


class _Commands(click.Group):
    # Help knows names and one line each from the table above; a command's module is imported
    # when it is called, so that `genbench --help` answers at once.

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"genbench.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(
                f"There is no command {args[0]!r}. {nearest(args[0], COMMANDS)}", ctx
            )
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GenbenchError as error:
            raise _Shown(error) from error


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with: genbench list models",
)
@click.version_option(__version__, prog_name="genbench")
def main() -> None:
    """pytest for generative models.

    Models, data sets and metrics are plugins. One command trains and evaluates them under one
    protocol and writes a Parquet leaderboard.
    """
