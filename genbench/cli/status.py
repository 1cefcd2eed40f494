"""``genbench status``: what is queued, running, done and failed, from any terminal; no torch."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genbench.cli.output import NOTHING, format_option, print_json, print_table, results_option

if TYPE_CHECKING:
    from genbench.status import Command


@click.command("status")
@results_option
@format_option
def command(results: Path, format_: str) -> None:
    """Say what the commands of a results folder are at: those under way, and the latest other.

    Progress, images per second and time left are of training, as last reported; the final
    evaluation comes after it.
    """
    from genbench import status

    commands = status.commands(results)
    if format_ == "json":
        print_json([{**asdict(one), "runs": _runs(one)} for one in commands])
        return
    if not commands:
        click.echo(f"No genbench run has been started in {results}.")
    for one in commands:
        _print(one)


def _runs(one: Command) -> dict[str, dict[str, Any]]:
    """The runs as they are, now that it is known whether their command lives."""
    from genbench import status

    told = {}
    for run_id, run in one.runs.items():
        state = run["state"]
        if not one.alive:
            state = {"running": "cut short", "queued": "not begun"}.get(state, state)
        told[run_id] = {
            **{key: value for key, value in run.items() if key != "seen"},
            "state": state,
            "eta_seconds": status.eta_seconds(run) if one.alive else None,
        }
    return told


def _print(one: Command) -> None:
    runs = _runs(one)
    shown = shlex.join(one.command)
    where = f"process {one.pid} on {one.host}"
    if one.alive:
        click.echo(f"{shown}\n{where}, since {one.started}, as of {one.updated}")
    else:
        click.echo(f"{shown}\n{where}, begun {one.started}, is over; last heard {one.updated}")
    counts = Counter(run["state"] for run in runs.values())
    click.echo(", ".join(f"{count} {state}" for state, count in counts.items()))
    told = [
        [run_id, run["state"], *_progress(run)]
        for run_id, run in runs.items()
        if run["state"] not in ("ok", "queued", "not begun")
    ]
    if told:
        print_table(["run", "state", "progress", "images/s", "time left"], told)
    for run_id, run in runs.items():
        if run.get("reason"):
            click.echo(f"{run_id}: {run['reason']}")
    if not one.alive and any(run["state"] in ("cut short", "not begun") for run in runs.values()):
        click.echo(f"The same command goes on where it stopped:\n  {shown}")
    click.echo()


def _progress(run: dict[str, Any]) -> list[str]:
    if run["state"] not in ("running", "cut short"):
        return [NOTHING] * 3
    doing = run.get("doing", NOTHING)
    if "images" not in run:
        return [doing, NOTHING, NOTHING]
    share = f"{100 * run['images'] / run['budget']:.0f}%"
    at = f"{doing}, {share}" if doing == "training" else doing
    speed = f"{run['images_per_second']:,.0f}" if run.get("images_per_second") else NOTHING
    eta = run["eta_seconds"]
    return [at, speed, NOTHING if eta is None else _duration(eta)]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
