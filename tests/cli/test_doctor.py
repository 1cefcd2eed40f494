"""``genbench doctor``: what it finds, and what mends it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Command = Callable[..., subprocess.CompletedProcess[str]]

MISMATCHED_TORCHVISION = "raise RuntimeError('operator torchvision::nms does not exist')\n"


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, str]]:
    return {finding["check"]: finding for finding in json.loads(done.stdout)}


def test_a_good_installation_has_nothing_wrong(command: Command) -> None:
    done = command("doctor")
    assert done.returncode == 0, done.stdout
    assert "wrong" not in done.stdout
    assert "toy-ae" in done.stdout


def test_a_torchvision_that_does_not_match_torch_is_named_with_what_mends_it(
    command: Command, distribution: Callable[..., Path]
) -> None:
    site = distribution("torchvision", "", version="0.1.0", torchvision=MISMATCHED_TORCHVISION)
    metadata = site / "torchvision-0.1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text() + "Requires-Dist: torch==2.0.0\n")
    done = command("doctor", "--format", "json", path=site)
    assert done.returncode == 1
    found = findings(done)["torchvision"]
    assert found["state"] == "wrong"
    assert "torchvision 0.1.0 does not match torch" in found["detail"]
    assert "operator torchvision::nms does not exist" in found["detail"]
    assert "built for torch==2.0.0" in found["remedy"]
    assert "pip install --force-reinstall torch torchvision" in found["remedy"]


def test_a_plugin_that_does_not_import_is_named_and_the_others_are_well(
    command: Command, distribution: Callable[..., Path]
) -> None:
    site = distribution(
        "genbench-broken",
        "[genbench.models]\nbroken = broken_model:M\n[genbench]\nbad-hooks = broken_model\n",
        broken_model="import not_installed_anywhere\n",
    )
    done = command("doctor", "--format", "json", path=site)
    assert done.returncode == 1
    found = findings(done)
    assert "(genbench-broken 1.0)" in found["model broken"]["detail"]
    assert "not_installed_anywhere" in found["model broken"]["detail"]
    assert found["hooks bad-hooks"]["state"] == "wrong"
    assert "toy-ae" in found["models"]["detail"]


def test_a_plugin_that_ends_the_process_on_import_is_named_and_the_others_are_looked_at(
    command: Command, distribution: Callable[..., Path]
) -> None:
    site = distribution(
        "genbench-deadly",
        "[genbench.models]\ndeadly = deadly:M\n[genbench]\ndeadly-hooks = exits\n",
        deadly="import os; print('no end of line', end='', flush=True); os._exit(7)\n",
        exits="import sys; sys.exit(0)\n",
    )
    done = command("doctor", "--format", "json", path=site)
    assert done.returncode == 1
    found = findings(done)
    assert "ended the process with exit code 7" in found["model deadly"]["detail"]
    assert "SystemExit" in found["hooks deadly-hooks"]["detail"]
    assert "toy-ae" in found["models"]["detail"]
    assert "local" in found["executors"]["detail"]


def test_a_name_that_is_claimed_twice_is_named(
    command: Command, distribution: Callable[..., Path]
) -> None:
    distribution("first", "[genbench.models]\ntwice = a:A\n")
    site = distribution("second", "[genbench.models]\ntwice = b:B\n")
    found = findings(command("doctor", "--format", "json", path=site))
    assert "claimed by" in found["model twice"]["detail"]


def test_a_damaged_leaderboard_is_named(command: Command, tmp_path: Path) -> None:
    (tmp_path / "results" / "leaderboard").mkdir(parents=True)
    (tmp_path / "results" / "leaderboard" / "torn-1.parquet").write_bytes(b"PAR1 torn")
    done = command("doctor", "--format", "json")
    assert done.returncode == 1
    assert "torn-1.parquet cannot be read" in findings(done)["leaderboard"]["detail"]


def test_a_results_folder_that_cannot_be_made_is_named(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = command("doctor", "--results", "file/results", "--format", "json")
    assert findings(done)["results"]["state"] == "wrong"
