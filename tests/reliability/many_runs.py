"""Many tiny runs in one command: what genbench itself takes, beyond training and evaluation.

    python tests/reliability/many_runs.py --runs 200 --jobs 2

Every run says in its ``run.json`` how long it trained and evaluated. All else is overhead: starting
and importing, reading data, making models, writing and checking files, talking between processes.
The driver's resident memory is read while it goes on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil


def main() -> None:
    """Run the experiment and print its figures as JSON; exit status 1 if a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--model", default="ae-gan")
    parser.add_argument("--protocol", default="smoke")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        started = time.monotonic()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "genbench", "run", "--model", arguments.model),
                *("--protocol", arguments.protocol, "--seeds", str(arguments.runs), "--quiet"),
                *("--jobs", str(arguments.jobs), "--device", "cpu", "--results", scratch),
            ]
        )
        driver = psutil.Process(process.pid)
        memory: list[tuple[int, int]] = []
        while process.poll() is None:
            done = len(list(Path(scratch).glob("leaderboard/[!_]*.parquet")))
            memory.append((done, driver.memory_info().rss))
            time.sleep(0.5)
        wall = time.monotonic() - started
        paths = sorted(Path(scratch).glob("runs/[!.]*/run.json"), key=ended)
        records = [json.loads(path.read_text()) for path in paths]
        # From where all workers are warm, to where they still are.
        first, last = arguments.runs // 10, arguments.runs - arguments.runs // 10
        between = ended(paths[last - 1]) - ended(paths[first - 1])
    assert process.returncode == 0
    assert len(records) == arguments.runs
    seconds = [sum(record["seconds"].values()) for record in records]
    busy = sum(seconds)
    early = [rss for done, rss in memory if arguments.runs * 0.1 <= done < arguments.runs * 0.3]
    late = [rss for done, rss in memory if arguments.runs * 0.8 <= done < arguments.runs]
    growth = sum(late) / len(late) - sum(early) / len(early)
    overhead = 1 - busy / (arguments.jobs * wall)
    print(
        json.dumps(
            {
                "runs": arguments.runs,
                "jobs": arguments.jobs,
                "wall_seconds": round(wall, 1),
                "training_and_evaluation_seconds": round(busy, 1),
                "overhead": round(overhead, 3),
                "overhead_of_warm_workers": round(
                    1 - sum(seconds[first:last]) / (arguments.jobs * between), 3
                ),
                "driver_memory_mib": round(max(rss for _, rss in memory) / 2**20, 1),
                "driver_growth_mib": round(growth / 2**20, 2),
            }
        )
    )
    raise SystemExit(overhead > 0.15 or growth > 2 * 2**20)


def ended(record: Path) -> float:
    """When a run was over."""
    return record.stat().st_mtime


if __name__ == "__main__":
    main()
