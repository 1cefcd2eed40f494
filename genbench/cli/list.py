"""``genbench list``: names, from metadata alone; imports no plugin."""

from __future__ import annotations

import click

from genbench import __version__, registry
from genbench.cli.output import format_option, print_json
from genbench.protocols import shipped

SECTIONS = ("models", "datasets", "metrics", "extractors", "executors", "protocols", "suites")


@click.command("list")
@click.argument("kind", type=click.Choice(SECTIONS), required=False)
@format_option
def command(kind: str | None, format_: str) -> None:
    """List what is installed: all of it, or one KIND.

    Names are read from metadata, so a plugin that does not import is listed all the same.
    """
    listed = {section: _section(section) for section in ([kind] if kind else SECTIONS)}
    if format_ == "json":
        print_json(listed)
        return
    formatter = click.HelpFormatter()
    for section, entries in listed.items():
        with formatter.section("data sets" if section == "datasets" else section):
            formatter.write_dl(
                [(entry["name"], _origin(entry)) for entry in entries] or [("(none)", "")]
            )
    click.echo(formatter.getvalue().strip())


def _section(section: str) -> list[dict[str, str]]:
    if section == "protocols":
        return [{"name": name, "from": f"genbench {__version__}"} for name in shipped()]
    if section == "suites":
        return [{"name": name, "from": origin} for name, origin in registry.suites().items()]
    catalogue = registry.catalogue(section.removesuffix("s"))
    return [
        {
            "name": name,
            "from": " and ".join(f"{plugin.distribution} {plugin.version}" for plugin in claims),
            **({"problem": "claimed twice"} if len(claims) > 1 else {}),
        }
        for name, claims in catalogue.items()
    ]


def _origin(entry: dict[str, str]) -> str:
    problem = entry.get("problem")
    return f"{entry['from']} ({problem}!)" if problem else entry["from"]
