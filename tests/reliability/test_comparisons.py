"""A small version of the experiment on verdicts, with a fixed seed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("comparisons.py")


def test_equal_models_are_rarely_called_different_and_different_ones_found_as_theory_says() -> None:
    sizes = ["--comparisons", "2000", "--spreads", "1", "4", "--power-comparisons", "3000"]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *sizes, "--seed", "0"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failures 0" in done.stdout
