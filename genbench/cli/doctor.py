"""``genbench doctor``: does this installation work, and if not, what mends it."""

from __future__ import annotations

import importlib
import json
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from pathlib import Path
from typing import Literal

import click

from genbench import __version__, registry
from genbench.cli.output import format_option, print_json, results_option
from genbench.cli.probe import ANSWER
from genbench.files import writable


@dataclass(frozen=True)
class Finding:
    """What one check found; ``remedy`` says what to do where it is not well."""

    check: str
    state: Literal["ok", "note", "wrong"]
    detail: str
    remedy: str = ""


@click.command("doctor")
@results_option
@format_option
def command(results: Path, format_: str) -> None:
    """Check Python, torch, torchvision, CUDA, every plugin and the results folder.

    The exit status is 1 if something is wrong.
    """
    checks: list[Callable[[], Iterator[Finding]]] = [
        _python,
        _torch,
        _torchvision,
        _torch_fidelity,
        _plugins,
        lambda: _results(results),
    ]
    findings = []
    for finding in (finding for check in checks for finding in check()):
        findings.append(finding)
        if format_ == "text":
            click.echo(f"{finding.state:<6}{finding.check:<22}{finding.detail}")
            if finding.remedy:
                click.echo(f"{'':28}-> {finding.remedy}")
    if format_ == "json":
        print_json([asdict(finding) for finding in findings])
    if any(finding.state == "wrong" for finding in findings):
        raise SystemExit(1)


def _python() -> Iterator[Finding]:
    yield Finding(
        "python", "ok", f"{platform.python_version()} at {sys.prefix}, genbench {__version__}"
    )


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except Exception as error:
        yield Finding("torch", "wrong", _cause(error), "python -m pip install torch")
        return
    yield Finding("torch", "ok", torch.__version__)
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
        yield Finding("cuda", "ok", ", ".join(names))
    else:
        built = (
            f"torch is built for CUDA {torch.version.cuda}"
            if torch.version.cuda
            else "CPU-only torch"
        )
        yield Finding("cuda", "note", f"no CUDA device ({built}); runs use the CPU")


def _torchvision() -> Iterator[Finding]:
    if not _installed("torchvision"):
        return
    found = version("torchvision")
    wanted = next((r for r in requires("torchvision") or [] if r.startswith("torch=")), "torch")
    try:
        importlib.import_module("torchvision")
    except Exception as error:
        # What users see of it is: RuntimeError: operator torchvision::nms does not exist
        torch_version = version("torch") if _installed("torch") else "not installed"
        yield Finding(
            "torchvision",
            "wrong",
            f"torchvision {found} does not match torch {torch_version}: {_cause(error)}",
            f"torchvision {found} is built for {wanted}. Install the two together from one "
            "index: python -m pip install --force-reinstall torch torchvision",
        )
    else:
        yield Finding("torchvision", "ok", found)


def _torch_fidelity() -> Iterator[Finding]:
    if not _installed("torch-fidelity"):
        return
    try:
        importlib.import_module("torch_fidelity")
    except Exception as error:
        yield Finding(
            "torch-fidelity",
            "wrong",
            _cause(error),
            "Metrics that use it fail until this import works; see torchvision above.",
        )
    else:
        yield Finding("torch-fidelity", "ok", version("torch-fidelity"))


def _plugins() -> Iterator[Finding]:
    """Import everything, in a process of its own: what a plugin does to it is a finding."""
    named: list[tuple[str, str]] = [
        (kind, name) for kind in registry.KINDS for name in registry.catalogue(kind)
    ]
    named += [("hooks", point.name) for point in entry_points(group="genbench")]
    if not named:
        yield Finding("plugins", "note", "none installed")
    good: dict[str, list[str]] = {}
    for kind, name, problem in _imported(named):
        if problem:
            remedy = "Runs go on without it." if kind == "hooks" else "The others are not affected."
            yield Finding(f"{kind} {name}", "wrong", problem, remedy)
        else:
            good.setdefault(kind, []).append(name)
    for kind, names in good.items():
        yield Finding(kind if kind == "hooks" else f"{kind}s", "ok", ", ".join(names))


def _imported(named: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, str | None]]:
    """Each kind and name with what is wrong with it, or None."""
    remaining = list(named)
    while remaining:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "genbench.cli.probe", json.dumps(remaining)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        with process:
            for line in process.stdout:
                if line.startswith(ANSWER):
                    yield (*remaining.pop(0), json.loads(line.removeprefix(ANSWER)))
        if remaining:
            died = f"importing it ended the process with exit code {process.returncode}"
            yield (*remaining.pop(0), died)


def _results(folder: Path) -> Iterator[Finding]:
    problem = writable(folder)
    if problem:
        yield Finding("results", "wrong", f"{folder}: {problem}", "Give another with --results.")
    else:
        yield Finding("results", "ok", f"{folder} can be written")
    leaderboard = folder / "leaderboard"
    damaged: list[str] = []
    if leaderboard.is_dir():
        from genbench.leaderboard import store

        store.read(leaderboard, skipped=damaged)
    for why in damaged:
        yield Finding("leaderboard", "wrong", why)


def _installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def _cause(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
