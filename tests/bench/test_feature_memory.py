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

WHOLE, WHOLE_FEATURES = 50_000, 2048
MOST_BYTES = 2 * 2**30
"""Of the process, with all three sets of features: half an hour and more on one thread."""


def measured(n: int, d: int, **environment: str) -> dict[str, int]:
    """What all metrics took, in a process of its own."""
    done = subprocess.run(
        [
            *(sys.executable, str(Path(__file__).with_name("feature_memory.py"))),
            *(str(n), str(d), *METRICS),
        ],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"} | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, int] = json.loads(done.stdout)
    return found


def beside_features(n: int) -> int:
    """Bytes, of what is in use: what is freed is given back, which glibc does not do else."""
    found = measured(n, FEATURES, MALLOC_MMAP_THRESHOLD_="65536", MALLOC_TRIM_THRESHOLD_="65536")
    return found["peak_bytes"] - found["feature_bytes"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_beside_the_features_stays(benchmark: BenchmarkFixture) -> None:
    few = beside_features(FEWER)
    many = benchmark.pedantic(lambda: beside_features(MORE), rounds=1)
    growth = (many - few) / (3 * (MORE - FEWER) * FEATURES * 4)
    benchmark.extra_info.update(bytes_beside_features=many, growth=growth)
    print(
        f"\n{len(METRICS)} metrics of {FEATURES} features beside them: {few / 2**20:,.0f} MiB at "
        f"{FEWER:,} examples, {many / 2**20:,.0f} MiB at {MORE:,}; {growth:.2f} bytes for each "
        f"byte of features, at most {MOST_GROWTH}"
    )
    assert growth <= MOST_GROWTH


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.skipif("GENBENCH_BENCH_WHOLE" not in os.environ, reason="takes half an hour and more")
def test_fifty_thousand_images_of_inception_features_fit_in_two_gib(
    benchmark: BenchmarkFixture,
) -> None:
    found = benchmark.pedantic(lambda: measured(WHOLE, WHOLE_FEATURES), rounds=1)
    benchmark.extra_info.update(found)
    print(
        f"\n{len(METRICS)} metrics of {WHOLE:,} x {WHOLE_FEATURES:,} features: "
        f"{found['peak_bytes'] / 2**20:,.0f} MiB, {found['feature_bytes'] / 2**20:,.0f} of it "
        f"features; at most {MOST_BYTES / 2**20:,.0f}"
    )
    assert found["peak_bytes"] <= MOST_BYTES
