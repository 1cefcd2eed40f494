"""Small versions of the experiments on the leaderboard's files; each is a script of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def figures_of(script: str, *arguments: str) -> str:
    """What an experiment prints, once it has found no failure."""
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failures 0" in done.stdout
    return done.stdout


def test_no_row_is_lost_torn_or_doubled_when_writers_and_compactors_are_killed() -> None:
    figures_of("writers.py", "--runs", "8", "--writers", "6", "--kill-every", "0.05")


def test_after_any_failing_call_there_is_the_old_state_or_the_new() -> None:
    figures_of("commit_faults.py", "--every", "9")


def test_a_full_disk_is_one_clear_error_and_harms_no_old_row() -> None:
    figures_of("disk_full.py", "--step", "1000")


def test_no_changed_byte_is_ever_read_as_a_row() -> None:
    figures_of("part_mutations.py", "--mutations", "200")
