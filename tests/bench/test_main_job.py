"""The README's first command, as a newcomer runs it: seconds and resident memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

MOST_SECONDS = 90
MOST_BYTES = 2 * 2**30


def resident_bytes(pid: int) -> int:
    """The resident set of a process and all below it."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(resident_bytes(int(c)) for c in children)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_genbench_run_ae_gan_on_a_cpu(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    peak = 0

    def watch(process: subprocess.Popen[bytes]) -> None:
        nonlocal peak
        while process.poll() is None:
            peak = max(peak, resident_bytes(process.pid))
            time.sleep(0.1)

    def run() -> None:
        command = Path(sys.executable).with_name("genbench")
        process = subprocess.Popen(
            [command, "run", "--model", "ae-gan", "--fresh", "--quiet"],
            cwd=tmp_path,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        )
        watcher = threading.Thread(target=watch, args=(process,))
        watcher.start()
        assert process.wait() == 0
        watcher.join()

    benchmark.pedantic(run, rounds=3)
    benchmark.extra_info["peak_resident_bytes"] = peak
    seconds = benchmark.stats.stats.median
    print(f"\ngenbench run --model ae-gan: {seconds:.1f} s, {peak / 2**20:,.0f} MiB resident")
    assert seconds < MOST_SECONDS
    assert peak < MOST_BYTES
