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
from run_world import everything_of, in_a_child, tiny_run

from genbench.errors import StoreError

CALLS = ("replace", "rename", "fsync", "unlink", "remove", "mkdir", "rmdir", "write", "ftruncate")
WAYS = ("error", "all later", "death before", "death after")
DIED, RAISED = 9, 8
ENDS = {0: "ok all the same", DIED: "died", RAISED: "said so"}


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


def faulty(results: Path, strike: int, way: str, *, fresh: bool) -> tuple[int, int]:
    """Run with a fault in a child process; return its exit status and how many calls it made."""

    def work() -> str:
        fault = Fault(strike, way)
        try:
            ended = tiny_run(results, fresh=fresh).status
        except StoreError:
            ended = "message"
        return f"{ended} {fault.count}"

    code, said = in_a_child(work)
    ended, _, calls = said.partition(" ")
    if code:
        return code, 0
    return 0 if ended == "ok" else RAISED, int(calls)


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
        tiny_run(alone)
        expected = everything_of(alone)
        # Once where nothing is there, and once where a fresh run replaces a good result.
        for fresh in (False, True):
            before = Path(scratch) / f"before-{fresh}"
            if fresh:
                shutil.copytree(alone, before)
            rehearsal = Path(scratch) / f"rehearsal-{fresh}"
            if fresh:
                shutil.copytree(before, rehearsal)
            code, calls = faulty(rehearsal, -1, "none", fresh=fresh)
            assert code == 0, "the rehearsal itself went wrong"
            figures[f"calls, {'replacing' if fresh else 'new'}"] = calls
            for number in range(0, calls, arguments.every):
                for way in WAYS:
                    results = Path(scratch) / "faulty"
                    if fresh:
                        shutil.copytree(before, results)
                    code, _ = faulty(results, number, way, fresh=fresh)
                    figures[
                        {0: "ok all the same", DIED: "died", RAISED: "said so"}.get(code, "crashed")
                    ] += 1
                    try:
                        again = tiny_run(results, fresh=fresh)
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
