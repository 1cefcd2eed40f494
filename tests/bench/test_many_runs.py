"""What one command for many runs saves: the worker stays warm."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RUNS = 8
LARGEST_RATIO = 0.30


def seconds(*arguments: str, results: Path) -> float:
    """How long one command takes."""
    started = time.perf_counter()
    subprocess.run(
        [
            *(sys.executable, "-m", "genbench", "run", "--model", "pca", "--protocol", "smoke"),
            *("--device", "cpu", "--quiet", "--results", str(results), *arguments),
        ],
        check=True,
    )
    return time.perf_counter() - started


def test_eight_runs_in_one_command_against_eight_commands(benchmark: Any, tmp_path: Path) -> None:
    ratios = []

    def pair() -> None:
        number = len(ratios)
        many = sum(
            seconds("--seed", str(seed), results=tmp_path / f"many-{number}")
            for seed in range(RUNS)
        )
        one = seconds("--seeds", str(RUNS), results=tmp_path / f"one-{number}")
        ratios.append(one / many)

    benchmark.pedantic(pair, rounds=3, iterations=1)
    ratio = statistics.median(ratios)
    benchmark.extra_info["one command against eight"] = ratio
    print(f"\none command for {RUNS} runs against {RUNS} commands: {ratio:.2f}")
    assert ratio <= LARGEST_RATIO
