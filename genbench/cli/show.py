"""``genbench show``: one plugin, protocol or run, in full."""

from __future__ import annotations

import contextlib
import inspect
from pathlib import Path
from typing import Any

import click

from genbench import naming, registry
from genbench.cli import scores
from genbench.cli.output import format_option, print_json, print_table, results_option
from genbench.contract import CAPABILITIES
from genbench.errors import UsageError, nearest
from genbench.protocols import shipped

LISTS = ("capabilities", "needs", "invariances")
"""Names that stand in a line."""


@click.command("show")
@click.argument("kind_or_name", metavar="[KIND]")
@click.argument("name", required=False)
@click.option(
    "--kind", type=click.Choice(registry.KINDS), help="Where several kinds have that name."
)
@results_option
@format_option
def command(
    kind_or_name: str, name: str | None, kind: registry.Kind | None, results: Path, format_: str
) -> None:
    """Show NAME: a plugin with its options, FILE.py:CLASS, a protocol, or the id of a run.

    KIND (model, dataset, metric, extractor, executor) need only be said where several have that
    name.
    """
    if name is None:
        name = kind_or_name
    else:
        kind = _kind(kind_or_name, kind)
    described = _describe(name, kind, results)
    if format_ == "json":
        print_json(described)
        return
    if described["kind"] == "protocol":
        # The file as it is: what a protocol of one's own begins with.
        click.echo(f"# fingerprint {described['fingerprint']}")
        click.echo(described["file"].read_text(encoding="utf-8").rstrip())
        return
    if described["kind"] == "run":
        _print_record(described)
        return
    for key, value in described.items():
        if key == "options":
            _print_options(name, value)
        elif key == "scores":
            scores.print_scores(value, described.get("needs", ()))
        elif key in ("description", "source"):
            click.echo(f"\n{value}")
        elif key in LISTS:
            click.echo(f"{key:<14}{', '.join(value) or 'none'}")
        elif isinstance(value, dict | list):
            click.echo(f"{key}:")
            print_json(value)
        else:
            click.echo(f"{key:<14}{value}")


def _kind(said: str, option: registry.Kind | None) -> registry.Kind:
    for kind in registry.KINDS:
        if said in (kind, f"{kind}s"):
            if option not in (None, kind):
                raise click.UsageError(f"Is it a {kind}, or a {option}, as --kind says?")
            return kind
    raise click.UsageError(
        f"{said!r} is no kind of plugin. {nearest(said, registry.KINDS)} One NAME at a time."
    )


def _describe(name: str, kind: registry.Kind | None, results: Path) -> dict[str, Any]:
    if ":" in name:
        return _plugin(
            registry.find(kind or naming.kind_of(registry.load(registry.find("model", name))), name)
        )
    from genbench.leaderboard.schema import SAMPLE_RANGE

    if name == SAMPLE_RANGE and kind in (None, "metric"):
        return _plugin(_core_metric())
    if kind == "metric" and name not in registry.catalogue(kind):
        of_a_score = _of_a_score(name)
        if of_a_score is not None:
            return of_a_score
    kinds = [kind] if kind else [k for k in registry.KINDS if name in registry.catalogue(k)]
    if len(kinds) > 1:
        raise UsageError(f"{name!r} is the name of a {' and a '.join(kinds)}: add --kind.")
    if kinds:
        return _plugin(registry.find(kinds[0], name))
    if name in shipped() or name.endswith(".toml"):
        from genbench import protocol

        loaded = protocol.load(name)
        return {
            "kind": "protocol",
            "name": loaded.name,
            "fingerprint": loaded.fingerprint,
            "file": shipped().get(name, Path(name)),
            "protocol": loaded.model_dump(mode="json", exclude={"name"}),
        }
    from genbench.folder import RunFolder
    from genbench.leaderboard import store

    for folder in (RunFolder.of(results, name), RunFolder(Path(name))):
        record = folder.read()
        if record is not None:
            shown = {"kind": "run", "folder": str(folder.path), **record}
            shown.pop("distributions", None)
            rows = store.read_run(folder.leaderboard, record["run_id"])
            shown["rows"] = store.rows_of(rows) if rows is not None else []
            return shown
    of_a_score = _of_a_score(name) if kind is None else None
    if of_a_score is not None:
        return of_a_score
    known = {name for k in registry.KINDS for name in registry.catalogue(k)} | set(shipped())
    raise UsageError(f"There is no plugin, protocol or run {name!r}. {nearest(name, known)}")


def _core_metric() -> registry.Plugin:
    """The one that every run has, and that is no plugin's."""
    from genbench.sample_range import ALWAYS

    return ALWAYS[0].plugin


def _of_a_score(name: str) -> dict[str, Any] | None:
    """The metric whose score has this name, as a leaderboard shows it; None if there is none.

    Raises:
        UsageError: several metrics give one.
    """
    found = []
    for plugin in [p for claims in registry.catalogue("metric").values() for p in claims]:
        # What cannot be imported is found out by whoever asks for it by its own name.
        with contextlib.suppress(Exception):
            # The class alone: nothing of it is made to answer a question.
            if any(score.name == name for score in registry.load(plugin).scores):
                found.append(plugin)
    core = _core_metric()
    if any(score.name == name for score in registry.load(core).scores):
        found.append(core)
    if len(found) > 1:
        named = [plugin.name for plugin in found]
        raise UsageError(
            f"{name!r} is a score of the metrics {' and '.join(named)}: genbench show {named[0]}"
        )
    return {"score": name, **_plugin(found[0])} if found else None


def _plugin(plugin: registry.Plugin) -> dict[str, Any]:
    from genbench import options

    loaded = registry.load(plugin)
    described: dict[str, Any] = {
        "kind": registry.TITLES[plugin.kind],
        "name": plugin.name,
        "from": plugin.target
        if plugin.is_file
        else f"{plugin.distribution} {plugin.version} ({plugin.target})",
    }
    if plugin.kind == "model":
        described["capabilities"] = _capabilities(loaded)
    elif plugin.kind == "metric":
        described |= scores.described(loaded)
    described["options"] = [
        {
            "name": option.name,
            "type": option.type_name,
            "default": None if option.required else option.default,
            "required": option.required,
        }
        for option in options.options_of(loaded).values()
    ]
    # The file says which paper it is, the class what it does.
    source = inspect.getdoc(inspect.getmodule(loaded))
    if source or not plugin.is_file:  # a file of one class need not speak for itself as well
        described["source"] = source or "(no docstring)"
    # Its own: a base class, as torch's Module, would otherwise speak for it.
    described["description"] = inspect.cleandoc(vars(loaded).get("__doc__") or "(no docstring)")
    return described


def _capabilities(model: Any) -> list[str]:
    """Those of a model as it is made by default, and those that it has with other options."""
    from genbench import contract

    offered = [c for c in CAPABILITIES if contract.has(model, c)]
    made = _made_by_default(model)
    if made is None:
        return offered
    return [c if contract.has(made, c) else f"{c} (with other options)" for c in offered]


def _made_by_default(model: Any) -> Any | None:
    from genbench.contract import DataSpec

    for spec in (
        DataSpec("data", "image", (1, 8, 8), 1000, classes=10),
        DataSpec("data", "points", (2,), 1000, classes=10, levels=None),
    ):
        # What it needs beyond that, an option without a default say, is said where it is run.
        with contextlib.suppress(Exception):
            return model(spec)
    return None


def _print_record(run: dict[str, Any]) -> None:
    from genbench.cli.summary import print_scores

    spec = run["spec"]
    for key in ("folder", "status", "reason", "started", "ended", "trained_in"):
        if run.get(key) is not None:
            click.echo(f"{key:<14}{run[key]}")
    for kind in ("model", "dataset", "extractor"):
        if spec[kind]:
            given = " ".join(f"{k}={v}" for k, v in spec[kind]["options"].items())
            click.echo(f"{kind:<14}{spec[kind]['name']} {given}".rstrip())
    for metric in spec["metrics"]:
        given = " ".join(f"{k}={v}" for k, v in metric["options"].items())
        click.echo(f"{'metric':<14}{metric['name']} {given}".rstrip())
    click.echo(f"{'protocol':<14}{spec['protocol']['name']}, seed {spec['seed']}")
    made = {k: v for k, v in run.get("environment", {}).items() if v is not None}
    click.echo(f"{'made on':<14}{', '.join(f'{k} {v}' for k, v in made.items())}\n")
    print_scores(run["rows"])
    click.echo("all of it: --format json")


def _print_options(name: str, offered: list[dict[str, Any]]) -> None:
    if not offered:
        click.echo("options       none")
        return
    prefix = name.rpartition(":")[2]
    print_table(
        ["option", "type", "default"],
        [
            [
                f"--set {prefix}.{option['name']}=",
                option["type"],
                "(required)" if option["required"] else str(option["default"]),
            ]
            for option in offered
        ],
    )
