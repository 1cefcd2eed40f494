"""What metrics need beside the features does not grow with the number of examples."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

METRICS = ["fid", "kid", "isc", "precision-recall", "density-coverage", "memorization"]
FEWER, MORE, FEATURES = 4_000, 12_000, 512
MOST_GROWTH = 0.25
"""Bytes beyond the features', for each byte that these grow by."""


def beside_features(n: int) -> int:
    """Bytes, of a process of its own."""
    done = subprocess.run(
        [
            *(sys.executable, str(Path(__file__).with_name("feature_memory.py"))),
            *(str(n), str(FEATURES), *METRICS),
        ],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    return int(found["peak_bytes"] - found["feature_bytes"])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_beside_the_features_stays(benchmark: BenchmarkFixture) -> None:
    few = beside_features(FEWER)
    many = benchmark.pedantic(lambda: beside_features(MORE), rounds=1)
    growth = (many - few) / (2 * (MORE - FEWER) * FEATURES * 4)
    benchmark.extra_info.update(bytes_beside_features=many, growth=growth)
    print(
        f"\n{len(METRICS)} metrics of {FEATURES} features beside them: {few / 2**20:,.0f} MiB at "
        f"{FEWER:,} examples, {many / 2**20:,.0f} MiB at {MORE:,}; {growth:.2f} bytes for each "
        f"byte of features, at most {MOST_GROWTH}"
    )
    assert growth <= MOST_GROWTH
