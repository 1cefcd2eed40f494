"""A disk that is full at any moment of a run: one clear message, and then it goes on.

    python tests/reliability/full_disk.py

The run is made on a tmpfs of 64 KB and more (skipped where mounting is refused), and with no file
allowed beyond so many bytes (RLIMIT_FSIZE). Wherever it ends, it ends with one message that names a
file and the cause, the rows of an earlier run are unharmed, and with more room the same again ends
with the bits of a run that was never stopped, without training what was trained.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from run_world import everything_of, in_a_child, tiny_run

from genbench.errors import StoreError
from genbench.hookspecs import hookimpl


class Ballast:
    """Fills the disk when the final evaluation is done, just before the rows are written."""

    def __init__(self, disk: Path) -> None:
        self.path = disk / "ballast"

    @hookimpl
    def evaluated(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write until there is no room."""
        if rows[0]["split"] == "test":
            with contextlib.suppress(OSError), self.path.open("ab", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass


def attempt(results: Path, seed: int = 0, listeners: Sequence[object] = ()) -> str:
    """How a run ends for whoever asked for it: ok, or the message."""
    try:
        result = tiny_run(results, seed, listeners=listeners)
    except StoreError as error:
        return f"message: {error}"
    return "ok" if result.status == "ok" else f"{result.status}: {result.reason}"


class Experiment:
    """What is expected, and what was found."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.alone = scratch / "alone"
        assert in_a_child(lambda: attempt(self.alone)) == (0, "ok")
        self.bytes = [path.stat().st_size for path in self.alone.rglob("*") if path.is_file()]
        # What is there already when the disk fills up: another run.
        self.before = scratch / "before"
        assert in_a_child(lambda: attempt(self.before, seed=1)) == (0, "ok")
        kinds = ("tmpfs", "filled late", "RLIMIT_FSIZE")
        self.figures: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
        self.amiss: list[str] = []

    def judge(self, kind: str, said: str, results: Path, grow: Callable[[], object]) -> None:
        """See how it ended, and, with more room, what comes after it."""
        figures, found = self.figures[kind], self.amiss.append
        figures[said.partition(":")[0]] += 1
        causes = ("No space left", "File too large", "Errno 27", "Errno 28")
        if said != "ok" and ("\n" in said or not any(cause in said for cause in causes)):
            found(f"{kind}: no clear message: {said}")
        if everything_of(results, seed=1) != everything_of(self.before, seed=1):
            found(f"{kind}: the run before it was harmed")
        grow()
        records = [json.loads(p.read_text()) for p in results.glob("runs/toy-ae-*-s0-*/run.json")]
        trained = said != "ok" and any("checkpoint_sha256" in record for record in records)
        _, again = in_a_child(lambda: attempt(results))
        if again != "ok" or everything_of(results) != everything_of(self.alone):
            found(f"{kind}: afterwards {again}")
        if trained:
            figures["weights were there"] += 1
            (log,) = results.glob("runs/toy-ae-*-s0-*/log.txt")
            if "It was trained before" not in log.read_text():
                found(f"{kind}: it was trained again")

    def on_a_disk_of(self, room: int, *, filled_late: bool = False) -> bool:
        """A tmpfs with so many bytes left, or filled late; False where mounting is refused."""
        disk = self.scratch / f"disk-{room}"
        disk.mkdir()
        large = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
        if subprocess.run(large, capture_output=True, check=False).returncode:
            return False
        try:
            shutil.copytree(self.before, disk, dirs_exist_ok=True)
            used = shutil.disk_usage(disk).used
            self._resize(disk, used + room)
            ballast = Ballast(disk)
            _, said = in_a_child(lambda: attempt(disk, 0, [ballast] if filled_late else []))

            def grow() -> None:
                ballast.path.unlink(missing_ok=True)
                self._resize(disk, 2**23)

            self.judge("filled late" if filled_late else "tmpfs", said, disk, grow)
        finally:
            subprocess.run(["umount", str(disk)], check=True)
        return True

    def _resize(self, disk: Path, size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)

    def with_files_of(self, limit: int) -> None:
        """No file may be longer than so many bytes."""
        results = self.scratch / f"limit-{limit}"
        shutil.copytree(self.before, results)

        def limited() -> str:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            return attempt(results)

        self.judge("RLIMIT_FSIZE", in_a_child(limited)[1], results, lambda: None)
        shutil.rmtree(results)


def main() -> None:
    """Run the experiment and print its figures as JSON; exit status 1 if anything is amiss."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--step", type=int, default=1, help="only every n-th size")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        experiment = Experiment(Path(scratch))
        pages = 4096 * arguments.step
        rooms = {0, 2**16, *range(pages, sum(experiment.bytes) + 2**17, pages)}
        for room in sorted(rooms):
            if not experiment.on_a_disk_of(room):
                experiment.figures["tmpfs"]["skipped: mounting is refused"] += 1
                break
        for room in (2**18, 2**19, 2**20):
            experiment.on_a_disk_of(room, filled_late=True)
        for limit in range(256, max(experiment.bytes) + 4096, 512 * arguments.step):
            experiment.with_files_of(limit)
    for one in experiment.amiss[:20]:
        print("amiss:", one, file=sys.stderr)
    print(json.dumps({**experiment.figures, "amiss": len(experiment.amiss)}))
    raise SystemExit(bool(experiment.amiss))


if __name__ == "__main__":
    main()
