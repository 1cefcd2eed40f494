"""Writers that are killed, beside readers and compactors: is a row ever lost, torn or doubled?

    python tests/reliability/writers.py --runs 100 --writers 8

Every writer process commits its runs one after the other, a third of them more than once, while a
killer sends SIGKILL to writers and compactors at random; who was killed is started again. A commit
counts as acknowledged once ``commit`` has returned and the writer has said so.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from ctypes import Array, c_int64
from multiprocessing.process import BaseProcess
from pathlib import Path

from store_world import ROWS, attempts, report, rows_of

from genbench.errors import StoreError
from genbench.leaderboard import disk, part, store
from genbench.leaderboard.compact import compact
from genbench.leaderboard.repair import repair
from genbench.leaderboard.verify import verify

fork = multiprocessing.get_context("fork")


class World:
    """The leaderboard, and what all processes know of it."""

    def __init__(self, folder: Path, writers: int, runs: int, seed: int) -> None:
        self.folder = folder
        self.writers = writers
        self.names = [f"toy-digits-s{n}-{n * 7919 % 16**6:06x}" for n in range(writers * runs)]
        # Shared memory: written by the one writer of a run, so no lock that could die with it.
        self.begun: Array[c_int64] = fork.RawArray(c_int64, len(self.names))
        self.acknowledged: Array[c_int64] = fork.RawArray(c_int64, len(self.names))
        self.position: Array[c_int64] = fork.RawArray(c_int64, writers)
        self.reads: Array[c_int64] = fork.RawArray(c_int64, 2)
        self.compactions: Array[c_int64] = fork.RawArray(c_int64, 1)
        self.stopping = fork.RawValue("b", 0)
        rng = random.Random(seed)
        self.plans = []
        for writer in range(writers):
            mine = list(range(writer, len(self.names), writers))
            again = [n for n in mine for _ in range(rng.choice((0, 0, 1, 2)))]
            rng.shuffle(again)
            self.plans.append(mine + again)

    def write(self, writer: int) -> None:
        """Commit what is left of a writer's plan."""
        plan = self.plans[writer]
        while self.position[writer] < len(plan):
            n = plan[self.position[writer]]
            self.begun[n] += 1
            attempt = self.begun[n]
            store.commit(self.folder, rows_of(self.names[n], attempt))
            self.acknowledged[n] = attempt
            self.position[writer] += 1

    def read(self, reader: int) -> None:
        """Read everything, and single runs, again and again; raise for what must not be."""
        rng = random.Random(reader)
        while not self.stopping.value:
            sure = list(self.acknowledged)
            with contextlib.suppress(FileNotFoundError):
                self.check(sure, *attempts(store.read(self.folder)))
            n = rng.randrange(len(self.names))
            sure = list(self.acknowledged)
            table = store.read_run(self.folder, self.names[n])
            if table is not None:
                found, wrong = attempts(table)
                self.check([sure[n] if i == n else 0 for i in range(len(sure))], found, wrong)
            elif sure[n]:
                raise AssertionError(f"read_run does not find {self.names[n]}")
            self.reads[reader] += 1

    def check(self, sure: list[int], found: dict[str, int], wrong: list[str]) -> None:
        """Raise unless a reader saw every run whole, at least as new as was acknowledged."""
        for name, least in zip(self.names, sure, strict=True):
            if found.get(name, 0) < least:
                wrong.append(f"{name}: try {least} was acknowledged, {found.get(name)} read")
        if wrong:
            raise AssertionError("; ".join(wrong))

    def compact(self, number: int) -> None:
        """Compact again and again."""
        rng = random.Random(number)
        while not self.stopping.value:
            compact(self.folder)
            self.compactions[0] += 1
            time.sleep(rng.random() * 0.1)


def start(task: Callable[[int], None], number: int) -> BaseProcess:
    """Run a task in a process of its own."""
    process = fork.Process(target=task, args=(number,))
    process.start()
    return process


def main() -> None:
    """Run the experiment and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100, help="of each writer")
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--kill-every", type=float, default=0.15, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        experiment(Path(folder) / "leaderboard", arguments)


def experiment(folder: Path, arguments: argparse.Namespace) -> None:
    """The experiment in one folder."""
    folder.mkdir()
    world = World(folder, arguments.writers, arguments.runs, arguments.seed)
    rng = random.Random(arguments.seed)
    failures: list[str] = []
    began = time.monotonic()
    writers = {n: start(world.write, n) for n in range(world.writers)}
    readers = [start(world.read, n) for n in range(2)]
    compactor = start(world.compact, 0)
    kills = {"writers": 0, "compactors": 0}
    while writers:
        time.sleep(rng.random() * 2 * arguments.kill_every)
        for n, process in list(writers.items()):
            if not process.is_alive():
                del writers[n]
                if process.exitcode == -signal.SIGKILL:
                    writers[n] = start(world.write, n)
                elif process.exitcode:
                    failures.append(f"writer {n} ended with {process.exitcode}")
        if not compactor.is_alive():
            if compactor.exitcode != -signal.SIGKILL:
                failures.append(f"the compactor ended with {compactor.exitcode}")
            compactor = start(world.compact, sum(kills.values()))
        if writers and rng.random() < 0.8:
            victim, kind = rng.choice(list(writers.values())), "writers"
        else:
            victim, kind = compactor, "compactors"
        if victim.is_alive() and victim.pid:
            os.kill(victim.pid, signal.SIGKILL)
            victim.join()
            kills[kind] += 1
    world.stopping.value = 1
    for process in (*readers, compactor):
        process.join()
    failures += [f"reader {n} saw an error" for n, p in enumerate(readers) if p.exitcode]
    seconds = time.monotonic() - began
    failures += at_rest(world)
    figures = {
        "runs": len(world.names),
        "commits acknowledged": sum(len(plan) for plan in world.plans),
        "rows at rest": len(world.names) * ROWS,
        "writers killed": kills["writers"],
        "compactors killed": kills["compactors"],
        "compactions": world.compactions[0],
        "reads": sum(world.reads),
        "seconds": round(seconds, 1),
        "failures": len(failures),
    }
    report(figures, failures)


def at_rest(world: World) -> list[str]:
    """What is wrong once nobody is at work."""
    failures = []
    try:
        world.check(list(world.acknowledged), *attempts(store.read(world.folder)))
    except (AssertionError, StoreError) as error:
        failures.append(f"at rest: {error}")
    left = {problem.kind for problem in verify(world.folder)}
    if left - {"temporary", "twice"}:
        failures.append(f"the killed left more than leftovers: {left}")
    repair(world.folder)
    failures += [f"after repair: {problem}" for problem in verify(world.folder)]
    # As DuckDB, Polars or pandas read it: every file, whatever this module thinks of it.
    plain = [part.from_bytes((world.folder / n).read_bytes()) for n in disk.listing(world.folder)]
    if sum(table.num_rows for table in plain) != len(world.names) * ROWS:
        failures.append(f"other readers count {sum(table.num_rows for table in plain)} rows")
    return failures


if __name__ == "__main__":
    main()
