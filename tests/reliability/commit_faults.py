"""Every call to the system fails in turn, or is the last: old state or new state, never a third.

    python tests/reliability/commit_faults.py --every 1

Each scenario changes a leaderboard. A rehearsal counts its calls that touch the disk or a lock;
then it is done again for each call and each way of failing: as an error, as an error of this and
all later calls, as death before the call, after it, and in the middle of a write.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from store_world import attempts, report, rows_of

from genbench import files
from genbench.errors import StoreError
from genbench.leaderboard import disk, manifest, store
from genbench.leaderboard.compact import compact
from genbench.leaderboard.repair import repair
from genbench.leaderboard.verify import Kind, verify

CALLS = {"open", "write", "fsync", "close", "replace", "rename", "unlink", "mkdir", "flock"}
"""What `genbench.files` asks of the system; a call that is not here fails the rehearsal."""

HARMLESS = {"O_WRONLY", "O_RDONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_CLOEXEC"}
HARMLESS |= {"LOCK_SH", "LOCK_EX", "LOCK_UN"}

AUDITED = {"open": "open", "os.rename": "rename", "os.remove": "unlink", "os.mkdir": "mkdir"}
"""Python's own audit of what changes the disk, to hold the rehearsal's count to."""

DIED = 9


class Fault:
    """Stands between `genbench.files` and the system, and strikes at one call."""

    def __init__(self, strike: int = -1, way: str = "error") -> None:
        self.strike = strike
        self.way = way
        self.calls: list[str] = []

    def around(self, module: Any) -> Any:
        """The module with every call counted."""
        fault = self

        class Watched:
            def __getattr__(self, name: str) -> Any:
                if name in HARMLESS:
                    return getattr(module, name)
                assert name in CALLS, f"genbench.files calls {name}: count it here"
                return lambda *args, **kwargs: fault.call(getattr(module, name), args, kwargs)

        return Watched()

    def call(self, real: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Make a call, unless it is the one that goes wrong."""
        number = len(self.calls)
        self.calls.append(real.__name__)
        if number < self.strike or self.strike < 0:
            return real(*args, **kwargs)
        if self.way == "all later" or (self.way == "error" and number == self.strike):
            if real.__name__ == "close":
                real(*args)  # an error of close closes nevertheless
            raise OSError(errno.ENOSPC if real.__name__ == "write" else errno.EIO, "injected")
        if self.way == "death before":
            os._exit(DIED)
        if self.way == "death within" and real.__name__ == "write":
            real(args[0], bytes(args[1])[: len(args[1]) // 2])
            os._exit(DIED)
        answer = real(*args, **kwargs)
        if self.way.startswith("death"):
            os._exit(DIED)
        return answer


WAYS = ("error", "all later", "death before", "death within", "death after")


@dataclass(frozen=True)
class Scenario:
    """A change to a leaderboard, and the two states that there may be."""

    name: str
    prepare: Callable[[Path], object]
    change: Callable[[Path], object]
    old: dict[str, int]
    new: dict[str, int]
    sick: bool = False
    """Whether there are a damaged part and a leftover to begin with."""


def _commit(folder: Path, *runs: str, attempt: int = 1) -> None:
    for run in runs:
        store.commit(folder, rows_of(run, attempt))


def _compacted(folder: Path) -> None:
    _commit(folder, "a", "b")
    compact(folder)


def _sick(folder: Path) -> None:
    """Damage, a doubled run, an unlisted part, a loss, a torn line and a leftover, all at once."""
    _compacted(folder)
    _commit(folder, "b", attempt=2)
    _commit(folder, "c", "damaged", "lost", "unlisted")
    store.commit(folder / "other", rows_of("a", 2))
    (folder / "other" / "a.parquet").rename(folder / "a.parquet")
    shutil.rmtree(folder / "other")
    (folder / "lost.parquet").unlink()
    (folder / "damaged.parquet").write_bytes(b"PAR1 torn")
    lines = (folder / manifest.NAME).read_bytes().split(b"\n")
    kept = [line for line in lines if b"unlisted" not in line]
    (folder / manifest.NAME).write_bytes(b"\n".join([*kept, b'{"check": "torn']))
    (folder / ".x.parquet.01234567.tmp").write_bytes(b"half a pa")
    assert {problem.kind for problem in verify(folder)} == set(get_args(Kind))


SCENARIOS = [
    Scenario(
        "first commit",
        lambda folder: None,
        lambda folder: _commit(folder, "a"),
        {},
        {"a": 1},
    ),
    Scenario(
        "commit beside others",
        lambda folder: _commit(folder, "b"),
        lambda folder: _commit(folder, "a"),
        {"b": 1},
        {"a": 1, "b": 1},
    ),
    Scenario(
        "commit again",
        lambda folder: _commit(folder, "a", "b"),
        lambda folder: _commit(folder, "a", attempt=2),
        {"a": 1, "b": 1},
        {"a": 2, "b": 1},
    ),
    Scenario(
        "commit of a compacted run",
        _compacted,
        lambda folder: _commit(folder, "a", attempt=2),
        {"a": 1, "b": 1},
        {"a": 2, "b": 1},
    ),
    Scenario(
        "first compaction",
        lambda folder: _commit(folder, "a", "b"),
        compact,
        {"a": 1, "b": 1},
        {"a": 1, "b": 1},
    ),
    Scenario(
        "second compaction",
        lambda folder: (_compacted(folder), _commit(folder, "c", "d")),
        compact,
        {"a": 1, "b": 1, "c": 1, "d": 1},
        {"a": 1, "b": 1, "c": 1, "d": 1},
    ),
    Scenario(
        "repair",
        _sick,
        repair,
        {"a": 2, "b": 2, "c": 1, "unlisted": 1},
        {"a": 2, "b": 2, "c": 1, "unlisted": 1},
        sick=True,
    ),
]


def main() -> None:
    """Run the experiment and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="fail only every so many calls")
    parser.add_argument("--only", help="one scenario, by name")
    arguments = parser.parse_args()
    failures: list[str] = []
    injected: Counter[str] = Counter()
    calls: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for scenario in SCENARIOS:
            if arguments.only not in (None, scenario.name):
                continue
            world = Path(folder) / "before" / scenario.name.replace(" ", "-")
            world.parent.mkdir(exist_ok=True)
            scenario.prepare(world)
            made = rehearse(scenario, copied(world))
            calls[scenario.name] = len(made)
            for way in WAYS:
                for strike in range(0, len(made), arguments.every):
                    if way == "death within" and made[strike] != "write":
                        continue
                    injected[way] += 1
                    told = f"{scenario.name}, {way} at call {strike} ({made[strike]})"
                    found = strike_once(scenario, copied(world), Fault(strike, way))
                    failures += [f"{told}: {what}" for what in found]
    figures: dict[str, Any] = {f"calls of {name}": count for name, count in calls.items()}
    figures |= dict(injected)
    report({**figures, "faults": sum(injected.values()), "failures": len(failures)}, failures)


def copied(world: Path) -> Path:
    """A world of one's own: what is there before the change."""
    mine = world.parents[1] / "mine"
    shutil.rmtree(mine, ignore_errors=True)
    if world.exists():
        shutil.copytree(world, mine)
    return mine


def rehearse(scenario: Scenario, folder: Path) -> list[str]:
    """The calls that a change makes, held to what Python's audit hears of it."""
    fault = Fault()
    heard: Counter[str] = Counter()
    listening = [True]

    def listen(event: str, args: tuple[Any, ...]) -> None:
        if not listening[0] or event not in AUDITED or not str(args[0]).startswith(str(folder)):
            return
        reads = event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR) == 0
        if not reads:
            heard[AUDITED[event]] += 1

    sys.addaudithook(listen)
    with_fault(scenario, folder, fault)
    listening[0] = False
    made = Counter("rename" if name == "replace" else name for name in fault.calls)
    for name in ("rename", "unlink", "mkdir"):
        assert made[name] == heard[name], f"{name}: {heard[name]} calls, {made[name]} watched"
    assert heard["open"] <= made["open"]
    assert heard["open"] >= made["write"], "more is written than is opened"
    state, wrong = attempts(store.read(folder))
    assert (state, wrong) == (scenario.new, []), f"{scenario.name}: {state} {wrong}"
    return fault.calls


def with_fault(scenario: Scenario, folder: Path, fault: Fault) -> None:
    """Make the change, the fault in its way."""
    files.os, files.fcntl = fault.around(os), fault.around(fcntl)  # type: ignore[attr-defined]
    try:
        scenario.change(folder)
    finally:
        files.os, files.fcntl = os, fcntl  # type: ignore[attr-defined]


def strike_once(scenario: Scenario, folder: Path, fault: Fault) -> list[str]:
    """What is wrong after a change that was struck."""
    child = os.fork()
    if child == 0:
        status = 0
        try:
            with_fault(scenario, folder, fault)
        except StoreError:
            status = 1
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            status = 2
        os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    wrong = []
    if fault.way.startswith("death") != (status == DIED) or status == 2:
        wrong.append(f"it ended with {status}")
    state = _state(scenario, folder, wrong)
    if status == 0 and state != scenario.new:
        wrong.append(f"it was acknowledged and is not there: {state}")
    if fault.way == "error" and leftovers(folder) and not scenario.sick:
        wrong.append(f"a temporary file is left: {leftovers(folder)}")
    # The next one who comes by finishes what was begun.
    scenario.change(folder)
    if _state(scenario, folder, wrong) != scenario.new:
        wrong.append("the same change again does not do it")
    repair(folder)
    wrong += [f"after repair: {problem}" for problem in verify(folder)]
    if leftovers(folder):
        wrong.append("temporary files are never swept")
    return wrong


def leftovers(folder: Path) -> list[str]:
    """Temporary files that are left."""
    return [name for name, _ in disk.leftovers(folder)] if folder.exists() else []


def _state(scenario: Scenario, folder: Path, wrong: list[str]) -> dict[str, int] | None:
    if not folder.exists():
        return {}
    skipped: list[str] | None = [] if scenario.sick else None
    try:
        state, found = attempts(store.read(folder, skipped=skipped))
    except StoreError as error:
        wrong.append(f"readers are refused: {error}")
        return None
    wrong += found
    sick = ("damaged.parquet", "lost.parquet")  # to begin with
    if any(not any(name in reason for name in sick) for reason in skipped or ()):
        wrong.append(f"more is damaged than was: {skipped}")
    if state not in (scenario.old, scenario.new):
        wrong.append(f"a third state: {state}")
    return state


if __name__ == "__main__":
    main()
