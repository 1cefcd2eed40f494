"""Every call of a run that changes the disk fails in turn, or is the last one of its process.

    python tests/reliability/run_faults.py --every 1

A rehearsal counts the calls: of checkpoints, ``run.json``, the curve's and the leaderboard's files,
the swap of a fresh result for an old one. Then the run is made again for each call and each way of
failing, and after it the same again undisturbed: that must end with the very bits of a run that was
left alone, and leave no temporary file.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from kills import everything_of

import genbench
from genbench.errors import StoreError
from genbench.protocol import Protocol

CALLS = ("replace", "rename", "fsync", "unlink", "remove", "mkdir", "rmdir", "write", "ftruncate")
WAYS = ("error", "all later", "death before", "death after")
DIED, RAISED = 9, 8
ENDS = {0: "ok all the same", DIED: "died", RAISED: "said so"}

TINY = Protocol.model_validate(
    {
        "name": "tiny",
        "dataset": "toy-squares",
        "metrics": ["toy-distance", "toy-error", "toy-clock"],
        "training": {"images": 80, "batch_size": 20, "average_half_life_images": 100},
        "evaluation": {
            "points": [0.5, 1.0], "samples": 60, "curve_samples": 30, "sampling_chunk": 25,
        },
    }
)  # fmt: skip


def run(results: Path, *, fresh: bool = False) -> genbench.api.Result:
    """The run, saved after every train step."""
    return genbench.run(
        "toy-ae", protocol=TINY, results=results, device="cpu", checkpoint_seconds=0, fresh=fresh
    )[0]


class Fault:
    """Stands before the calls of ``os`` that change the disk, and strikes at one of them."""

    def __init__(self, strike: int, way: str) -> None:
        self.strike, self.way, self.count = strike, way, 0
        for name in CALLS:
            setattr(os, name, self._around(getattr(os, name)))

    def _around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            number, self.count = self.count, self.count + 1
            if number == self.strike or (number > self.strike >= 0 and self.way == "all later"):
                if self.way in ("error", "all later"):
                    raise OSError(errno.ENOSPC, "No space left on device")
                if self.way == "death after":
                    real(*args, **kwargs)
                os._exit(DIED)
            return real(*args, **kwargs)

        return call


def in_a_child(results: Path, strike: int, way: str, *, fresh: bool) -> tuple[int, int]:
    """Run with a fault in a child process; return its exit status and how many calls it made."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        real_write = os.write
        code = 0
        fault = Fault(strike, way)
        try:
            code = 0 if run(results, fresh=fresh).status == "ok" else RAISED
        except StoreError:
            code = RAISED
        except BaseException:
            import traceback

            traceback.print_exc()
            code = 1
        finally:
            real_write(writing, str(fault.count).encode())
            os._exit(code)
    os.close(writing)
    told = os.read(reading, 100)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), int(told or 0)


def main() -> None:
    """Run the experiment and print its figures as JSON; exit status 1 if anything is amiss."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--every", type=int, default=1, help="only every n-th call")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    figures: Counter[str] = Counter()
    wrong = []
    with tempfile.TemporaryDirectory() as scratch:
        alone = Path(scratch) / "alone"
        run(alone)
        expected = everything_of(alone)
        # Once where nothing is there, and once where a fresh run replaces a good result.
        for fresh in (False, True):
            before = Path(scratch) / f"before-{fresh}"
            if fresh:
                shutil.copytree(alone, before)
            rehearsal = Path(scratch) / f"rehearsal-{fresh}"
            if fresh:
                shutil.copytree(before, rehearsal)
            code, calls = in_a_child(rehearsal, -1, "none", fresh=fresh)
            assert code == 0, "the rehearsal itself went wrong"
            figures[f"calls, {'replacing' if fresh else 'new'}"] = calls
            for number in range(0, calls, arguments.every):
                for way in WAYS:
                    results = Path(scratch) / "faulty"
                    if fresh:
                        shutil.copytree(before, results)
                    code, _ = in_a_child(results, number, way, fresh=fresh)
                    figures[
                        {0: "ok all the same", DIED: "died", RAISED: "said so"}.get(code, "crashed")
                    ] += 1
                    try:
                        again = run(results, fresh=fresh)
                        same = again.status == "ok" and everything_of(results) == expected
                    except Exception as error:
                        same = False
                        print(f"{number} {way} {fresh}: {error!r}", file=sys.stderr)
                    left = [str(p) for p in results.rglob("*") if p.suffix == ".tmp"]
                    left += [str(p) for p in results.glob("runs/.*-toy-*")]
                    if code == 1 or not same or left:
                        wrong.append((number, way, fresh, code, same, left))
                    shutil.rmtree(results)
    for case in wrong[:20]:
        print("amiss:", case, file=sys.stderr)
    print(json.dumps({**figures, "amiss": len(wrong)}))
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
