"""An evaluation of 10,000 images against torch-fidelity: FID, KID, IS, precision and recall."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

ROUNDS = 3
LARGEST_RATIO = {"cold": 0.7, "warm": 0.4}
"""Of torch-fidelity's seconds for the same model: the first on the data, and one after another."""


def evaluated(tool: str, model: int, cache: Path) -> dict[str, Any]:
    """What a process of its own measured."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("evaluation.py")), tool, str(model)],
        env=os.environ
        | {"GENBENCH_CACHE": str(cache), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ten_thousand_images_against_torch_fidelity(
    benchmark: BenchmarkFixture, tmp_path: Path
) -> None:
    rounds: list[dict[str, dict[str, Any]]] = []

    def compare() -> None:
        cache = tmp_path / str(len(rounds))
        rounds.append(
            {
                "theirs": evaluated("fidelity", 2, cache),
                "cold": evaluated("genbench", 2, cache / "empty"),
                "first": evaluated("genbench", 1, cache),
                "warm": evaluated("genbench", 2, cache),
            }
        )

    benchmark.pedantic(compare, rounds=ROUNDS)
    ratios = {
        state: statistics.median(
            each[state]["seconds"] / each["theirs"]["seconds"] for each in rounds
        )
        for state in LARGEST_RATIO
    }
    peaks = {which: max(each[which]["peak_bytes"] for each in rounds) for which in rounds[0]}
    benchmark.extra_info.update(ratios=ratios, peak_bytes=peaks)
    print(
        f"\nevaluating 10,000 images: {ratios['cold']:.2f} of torch-fidelity's time with a cold "
        f"cache, at most {LARGEST_RATIO['cold']}; {ratios['warm']:.2f} with a warm one, at most "
        f"{LARGEST_RATIO['warm']}; peak memory {peaks['cold'] / 2**20:,.0f} and "
        f"{peaks['warm'] / 2**20:,.0f} MiB, theirs {peaks['theirs'] / 2**20:,.0f} MiB"
    )

    # Equal numbers, as far as its float32 goes.
    theirs = rounds[0]["theirs"]["scores"]
    for state in LARGEST_RATIO:
        ours = rounds[0][state]["scores"]
        off = {name: abs(ours[name] / theirs[name] - 1) for name in theirs}
        print(f"{state}, relative to theirs: " + ", ".join(f"{n} {o:.1e}" for n, o in off.items()))
        assert ours["fid"] == pytest.approx(theirs["fid"], rel=1e-5)
        assert ours["kid"] == pytest.approx(theirs["kid"], rel=1e-5)
        assert ours["isc"] == pytest.approx(theirs["isc"], rel=1e-6)
        assert ours["precision"] == pytest.approx(theirs["precision"], abs=1e-6)
        assert ours["recall"] == pytest.approx(theirs["recall"], abs=1e-6)

    for state, largest in LARGEST_RATIO.items():
        assert ratios[state] <= largest, state
        assert peaks[state] <= peaks["theirs"], state
