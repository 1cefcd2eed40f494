"""Small versions of the experiments on runs; each is a script of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def figures_of(script: str, *arguments: str) -> dict[str, Any]:
    """What an experiment prints, once it has found nothing amiss."""
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_run_that_is_killed_at_random_moments_ends_with_the_same_bits() -> None:
    found = figures_of("kills.py", "--kills", "10", "--world", "toy", "--seed", "7")
    assert (found["kills"], found["ended_otherwise"]) == (10, 0)


def test_a_run_whose_every_call_fails_in_turn_ends_with_the_same_bits() -> None:
    assert figures_of("run_faults.py", "--every", "10")["amiss"] == 0


def test_a_full_disk_is_one_message_and_no_training_is_lost() -> None:
    assert figures_of("full_disk.py", "--step", "16")["amiss"] == 0


def test_no_damaged_checkpoint_is_ever_read_as_weights() -> None:
    found = figures_of("checkpoint_mutations.py", "--mutations", "300")
    assert found["mutations"] > 290
    assert found["amiss"] == 0
