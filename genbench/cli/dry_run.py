"""What ``genbench run --dry-run`` prints: every run of the plan, and what is done already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import click

from genbench import session
from genbench.cli.output import print_json, print_table
from genbench.errors import StoreError
from genbench.folder import RunFolder
from genbench.plan import RunSpec


def print_plan(specs: Iterable[RunSpec], results: Path, *, fresh: bool, format_: str) -> None:
    """Print the plan; nothing is run.

    Args:
        specs: the runs.
        results: the results folder.
        fresh: whether they are to begin from nothing.
        format_: ``text`` or ``json``.
    """
    runs = list({spec.run_id: spec for spec in specs}.values())
    plan = [(spec, *_state(spec, results, fresh=fresh)) for spec in runs]
    if format_ == "json":
        print_json(
            [
                {
                    "run_id": spec.run_id,
                    "model": spec.model.name,
                    "options": spec.model.options,
                    "state": state,
                    "detail": why,
                }
                for spec, state, why in plan
            ]
        )
        return
    told = [[spec.run_id, _options(spec, runs), state, why] for spec, state, why in plan]
    print_table(["run", "options", "state", ""], told)
    counts = Counter(state for _, state, _ in plan)
    what = ", ".join(f"{count} {state}" for state, count in counts.items())
    click.echo(f"{len(plan)} runs: {what}. Nothing was run.")


def _options(spec: RunSpec, runs: Iterable[RunSpec]) -> str:
    """What tells a run from others of its model."""
    namesakes = [other.model.options for other in runs if other.model.name == spec.model.name]
    return " ".join(
        f"{name}={value}"
        for name, value in spec.model.options.items()
        if any(options.get(name) != value for options in namesakes)
    )


def _state(spec: RunSpec, results: Path, *, fresh: bool) -> tuple[str, str]:
    folder = RunFolder.of(results, spec.run_id)
    if spec.problem:
        return "will fail", spec.problem.partition("\n")[0]
    if fresh:
        return "to do", "--fresh"
    if session.is_complete(folder):
        return "done", ""
    try:
        status = str((folder.read() or {}).get("status", ""))
    except StoreError:
        return "to do", "its run.json is damaged"
    before = {"": "", "running": "was cut short, or is under way"}.get(status, f"was {status}")
    return ("to go on", before) if folder.can_go_on else ("to do", before)
