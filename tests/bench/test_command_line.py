"""How soon the command line answers, against importing click and pluggy alone."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

BASELINE = [sys.executable, "-c", "import click, pluggy"]
GENBENCH = str(Path(sys.executable).with_name("genbench"))


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


@pytest.mark.parametrize(("arguments", "most"), [(["--help"], 2.0), (["list"], 2.5)])
def test_against_importing_click_and_pluggy(
    benchmark: BenchmarkFixture, arguments: list[str], most: float
) -> None:
    baseline: list[float] = []
    benchmark.pedantic(
        lambda: seconds([GENBENCH, *arguments]),
        setup=lambda: baseline.append(seconds(BASELINE)),
        rounds=25,
        warmup_rounds=2,
    )
    # Pair by pair: both halves of a pair meet the same machine.
    pairs = zip(benchmark.stats.stats.data, baseline[-25:], strict=True)
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    benchmark.extra_info["ratio"] = ratio
    print(f"\ngenbench {' '.join(arguments)}: {ratio:.2f} times the imports alone, at most {most}")
    assert ratio <= most
