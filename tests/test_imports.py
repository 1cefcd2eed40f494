"""What loads what: the command line answers at once, and imports go down only."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import genbench
from genbench import cli, contract, registry

PACKAGE = Path(genbench.__file__).parent

FLOORS = [
    {"__init__", "errors", "contract", "hookspecs", "files", "cache", "protocols"},
    {
        "registry", "naming", "options", "protocol", "grid", "plan", "folder", "job",
        "listeners/__init__",
    },
    {"leaderboard"},
    {
        "train", "step", "average", "streams", "data", "checkpoint", "evaluate", "evidence",
        "environment", "sample_range", "verdict", "executors", "listeners", "runner", "session",
        "api", "suite",
        "training_state", "saved_training", "run_state", "weights", "interrupts", "status",
        "testing", "git", "trained_before", "reference", "curve", "dequantise", "sampling_cost",
        "evaluator", "external",
    },
    {"cli", "__main__"},
]  # fmt: skip
"""Rooms of the house from the ground up; a file belongs to the most exact name that fits."""


def loaded_by(*arguments: str) -> set[str]:
    """The top-level modules that a command leaves loaded."""
    program = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*{m.partition('.')[0] for m in sys.modules},"
        " file=sys.stderr))\n"
        f"sys.argv = ['genbench', *{list(arguments)!r}]\n"
        "from genbench.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["list"], ["list", "models"], *([c, "--help"] for c in cli.COMMANDS)],
)
def test_help_and_list_load_neither_torch_nor_pyarrow(arguments: list[str]) -> None:
    assert not loaded_by(*arguments) & {"torch", "pyarrow", "numpy", "scipy"}


@pytest.mark.parametrize("arguments", [["--help"], ["list"]])
def test_top_level_help_and_list_load_neither_pydantic_nor_rich(arguments: list[str]) -> None:
    assert not loaded_by(*arguments) & {"pydantic", "rich"}


def test_completion_loads_no_torch() -> None:
    program = "import os; os.environ['_GENBENCH_COMPLETE'] = 'bash_source'; " + (
        "import sys; sys.argv = ['genbench']; from genbench.cli import main\n"
        "try: main(prog_name='genbench')\n"
        "except SystemExit: pass\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.endswith("False\n"), done.stderr


def test_the_leaderboard_loads_no_torch(tmp_path: Path) -> None:
    (tmp_path / "leaderboard").mkdir()
    loaded = loaded_by("leaderboard", "--results", str(tmp_path))
    assert "pyarrow" in loaded
    assert "torch" not in loaded


def test_the_driver_of_the_local_executor_loads_no_torch() -> None:
    program = (
        "import sys, genbench.session, genbench.executors.local; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_imports_go_down_only() -> None:
    for path in PACKAGE.rglob("*.py"):
        here = path.relative_to(PACKAGE).with_suffix("").as_posix()
        for imported in imported_at_the_top(path):
            assert floor(imported) <= floor(here), f"{here} imports {imported}, a floor above it"


def test_the_core_names_no_plugin() -> None:
    kinds = [kind for kind in registry.KINDS if kind != "executor"]
    names = [name for kind in kinds for name in registry.catalogue(kind)]
    # A name of one plain word may stand in a sentence; in quotes it is a name.
    # What models and data sets offer has words of its own; metrics of it may bear the same.
    plain = "|".join(n for n in names if "-" not in n and n not in get_args(contract.Need))
    hyphened = "|".join(name for name in names if "-" in name)
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.findall(rf"[\"'`=]({plain})[\"'`.]|{hyphened}", text), path


def floor(name: str) -> int:
    parts = name.split("/")
    candidates = [name, "/".join([*parts, "__init__"]), parts[0]]
    for candidate in candidates:
        for number, rooms in enumerate(FLOORS):
            if candidate in rooms:
                return number
    raise AssertionError(f"{name} is on no floor: give it one")


def imported_at_the_top(path: Path) -> list[str]:
    """What a file imports of genbench when it is imported, as paths below the package."""
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("genbench"):
            module = (node.module or "").removeprefix("genbench").removeprefix(".")
            for alias in node.names:
                inner = "/".join(filter(None, [*module.split("."), alias.name]))
                is_module = (PACKAGE / f"{inner}.py").exists() or (PACKAGE / inner).is_dir()
                found.append(inner if is_module else module.replace(".", "/") or "__init__")
    return found
