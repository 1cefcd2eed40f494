"""Kills a run with SIGKILL at random moments, asks for the same again, and compares every bit.

    python tests/reliability/kills.py --kills 100

A trial begins a run, kills it (its worker, its command, or both) at a moment drawn evenly from the
time that a run takes, and gives the same command again until it ends. Then the weights and all
scores but those of the hardware must be those of a run that was left alone, bit for bit.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from run_world import everything_of

from genbench import status

PROTOCOL = """
name = "killed"
dataset = "{dataset}"
metrics = {metrics}
[metric_options]
[training]
images = {images}
batch_size = 50
average_half_life_images = 1000
[evaluation]
points = [0.25, 0.6, 1.0]
samples = {samples}
curve_samples = {samples}
sampling_chunk = 100
"""

WORLDS: dict[str, dict[str, Any]] = {
    "real": {
        "model": "ae-gan",
        "dataset": "digits",
        "metrics": ["fid", "kid", "reconstruction", "cost"],
        "images": 10_000,
        "samples": 1_000,
    },
    "toy": {
        "model": "toy-ae",
        "dataset": "toy-squares",
        "metrics": ["toy-distance", "toy-error", "toy-clock"],
        "images": 120_000,
        "samples": 1_000,
    },
}


class World:
    """A folder with a protocol, and the command that is given again and again."""

    def __init__(self, folder: Path, world: dict[str, Any]) -> None:
        folder.mkdir(parents=True)
        protocol = folder / "killed.toml"
        metrics = json.dumps(world["metrics"])
        protocol.write_text(PROTOCOL.format(**{**world, "metrics": metrics}))
        self.results = folder / "results"
        self.command = [
            sys.executable, "-Xfaulthandler", "-m", "genbench", "run", "--model", world["model"],
            "--protocol", str(protocol), "--results", str(self.results), "--device", "cpu",
            "--checkpoint-every", "0.05", "--quiet",
        ]  # fmt: skip

    def start(self) -> subprocess.Popen[str]:
        """Give the command."""
        return subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def wait_until_begun(self, process: subprocess.Popen[str]) -> None:
        """Return when a run is under way, as its folder says."""
        while process.poll() is None:
            for path in self.results.glob("runs/[!.]*/run.json"):
                with contextlib.suppress(OSError, ValueError):
                    if json.loads(path.read_text())["status"] == "running":
                        return
            time.sleep(0.002)


def doing(results: Path) -> str:
    """What the run was at, as its command last wrote."""
    for command in reversed(status.commands(results)):
        for run in command.runs.values():
            return str(run.get("doing", run["state"]))
    return "before the first run"


def kill(process: subprocess.Popen[str], whom: str) -> None:
    """SIGKILL to the worker, the command, or both."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    with contextlib.suppress(OSError, ProcessLookupError):
        workers = [int(child) for child in children.read_text().split()]
        if whom != "command":
            for worker in workers:
                os.killpg(worker, signal.SIGKILL)
        if whom != "worker":
            process.kill()
    process.communicate()


def main() -> None:
    """Run the experiment and print its figures as JSON; exit status 1 if a bit differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--world", choices=WORLDS, default="real")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    kinds = WORLDS[arguments.world]
    with tempfile.TemporaryDirectory() as scratch:
        alone = World(Path(scratch) / "alone", kinds)
        process = alone.start()
        alone.wait_until_begun(process)
        began = time.monotonic()
        process.communicate()
        seconds = time.monotonic() - began
        expected = everything_of(alone.results)
        moments: Counter[str] = Counter()
        wrong, killed, trial = 0, 0, 0
        while killed < arguments.kills:
            trial += 1
            world = World(Path(scratch) / f"trial-{trial}", kinds)
            # Now and then a run is killed more than once on its way.
            for _ in range(rng.choice([1, 1, 2, 3])):
                process = world.start()
                world.wait_until_begun(process)
                time.sleep(rng.uniform(0, seconds))
                if process.poll() is None and killed < arguments.kills:
                    moments[doing(world.results)] += 1
                    kill(process, rng.choice(["worker", "command", "both"]))
                    killed += 1
                else:
                    process.communicate()
            final = world.start()
            said, _ = final.communicate()
            if final.returncode != 0 or everything_of(world.results) != expected:
                wrong += 1
                print(f"trial {trial}: exit {final.returncode}: {said}", file=sys.stderr)
            else:
                shutil.rmtree(Path(scratch) / f"trial-{trial}")
    print(
        json.dumps(
            {
                "kills": killed,
                "runs": trial,
                "killed_while": dict(moments),
                "run_seconds": round(seconds, 1),
                "ended_otherwise": wrong,
            }
        )
    )
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
