"""Checks for executors: a run comes out as it does in this process, a failure is an outcome."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from genbench import api
from genbench.api import Result
from genbench.contract import Weights
from genbench.errors import ContractError
from genbench.executors.in_process import InProcessExecutor
from genbench.hookspecs import hookimpl
from genbench.leaderboard.schema import Row
from genbench.protocol import Protocol
from genbench.testing import toys
from genbench.testing.finding import Finding
from genbench.testing.models import some
from genbench.testing.subject import Subject, disturbances
from genbench.testing.suite import Found, check

METHODS = ("open", "resolve", "run", "interrupt", "close")
ENDS_WITHIN_SECONDS = 3.0
"""How long a process may take to be gone after close()."""

TINY = Protocol.model_validate(
    {
        "name": "check",
        "dataset": f"{toys.__file__}:Spots",
        "metrics": [f"{toys.__file__}:Loss"],
        "training": {"images": 128, "batch_size": 16, "average_half_life_images": 64},
        "evaluation": {
            "points": [0.5, 1.0],
            "samples": 8,
            "curve_samples": 8,
            "sampling_chunk": 4,
        },
    }
)
"""Eight train steps, looked at twice."""


class ExecutorSubject(Subject):
    """Adds to a subject runs of toys on the executor, each on a new one."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.left: set[int] = set()
        """Processes that were still there after close()."""

    def run(
        self, executor: Any = None, *, fails: bool = False, listener: Any = None
    ) -> list[Result]:
        """Run one model with two seeds, on a new executor unless one is given."""
        before = _children()
        with tempfile.TemporaryDirectory() as results, self.calling("run(job, listeners)"):
            executor = self.construct() if executor is None else executor
            try:
                found = api.run(
                    f"{toys.__file__}:Line",
                    protocol=TINY,
                    seeds=2,
                    options={"Line": {"fails": fails}},
                    results=results,
                    device="cpu",
                    executor=executor,
                    listeners=[] if listener is None else [listener],
                )
            finally:
                executor.close()
        self.left |= _ended(before)
        return found

    @cached_property
    def heard(self) -> Listener:
        """What a listener heard of two runs, which `ran` makes."""
        return Listener()

    @cached_property
    def ran(self) -> list[Result]:
        """Two good runs on this executor."""
        return self.run(listener=self.heard)


class Listener:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    @hookimpl
    def run_started(self, run_id: str) -> None:
        """Note it."""
        self.events.append((run_id, "run_started"))

    @hookimpl
    def evaluated(self, run_id: str, rows: Sequence[Any]) -> None:
        """Note it, if it came with its rows."""
        if rows:
            self.events.append((run_id, "evaluated"))

    @hookimpl
    def run_ended(self, run_id: str) -> None:
        """Note it."""
        self.events.append((run_id, "run_ended"))


SUBJECT = ExecutorSubject


@check()
def constructor(subject: ExecutorSubject) -> Found:
    """It is constructed with nothing, and has open, resolve, run, interrupt and close."""
    executor = subject.construct()
    missing = [name for name in METHODS if not callable(getattr(executor, name, None))]
    if missing:
        raise ContractError(f"It has no {some(missing)}.")
    yield from ()


@check("constructor")
def runs(subject: ExecutorSubject) -> Found:
    """Jobs are run to their end: the outcome is ok, and its rows have been written."""
    for result in subject.ran:
        if result.status != "ok":
            yield Finding(
                f"A good run came out as {result.status}: {result.reason}.",
                "genbench.runner.run(job, listeners) does all of it, wherever it is called.",
            )
            return
        if not result.rows:
            yield Finding(
                "A good run has left no rows.",
                "runner.run writes them into job.results: that folder must be this one.",
            )
            return
    yield f"{len(subject.ran)} runs"


@check("runs")
def scores(subject: ExecutorSubject) -> Found:
    """Scores are those of the same run in this process, to the last bit."""
    there = {_place(row): row["value"] for result in subject.ran for row in _measured(result)}
    here = {
        _place(row): row["value"] for r in subject.run(InProcessExecutor()) for row in _measured(r)
    }
    other = sorted({str(p[3]) for p in {*here, *there} if here.get(p) != there.get(p)})
    if other:
        yield Finding(
            f"{some(other)} came out otherwise than in this process.",
            "Leave threads and device as the job says, and run nothing else in its process "
            "meanwhile.",
        )


def _measured(result: Result) -> Iterator[Row]:
    return (row for row in result.rows if row["value"] is not None and not row["hardware"])


def _place(row: Row) -> tuple[int, str, Weights, str]:
    return row["seed"], f"{row['split']} {row['fraction']}", row["weights"], row["score"]


@check("runs")
def listeners(subject: ExecutorSubject) -> Found:
    """Listeners hear of every run in this process: run_started, evaluated, run_ended."""
    for result in subject.ran:
        events = [event for run_id, event in subject.heard.events if run_id == result.run_id]
        missing = [name for name in ("run_started", "evaluated", "run_ended") if name not in events]
        if missing:
            yield Finding(
                f"Of the run {result.run_id} they did not hear {some(missing)}.",
                "Pass them on to runner.run, or send on what it tells: see genbench.hookspecs.",
            )
            return


@check("runs")
def failure(subject: ExecutorSubject) -> Found:
    """A plugin that raises is an outcome with a reason and a row; the other runs go on."""
    results = subject.run(fails=True)
    for result in results:
        failed = [row for row in result.rows if row["status"] == "failed"]
        if result.status != "failed" or "on purpose" not in str(result.reason):
            yield Finding(
                f"A run whose model raises came out as {result.status}: {result.reason}.",
                "runner.run gives the outcome: pass it on as it is.",
            )
            return
        if not failed:
            yield Finding("A run that failed has no row that says so.", "Failures count, too.")
            return


@check("constructor", knowing=("runs", "failure"))
def close(subject: ExecutorSubject) -> Found:
    """close() ends whatever was started: no process is left."""
    if "runs" not in subject.failed and subject.left:
        yield Finding(
            f"{ENDS_WITHIN_SECONDS:g} s after close() {len(subject.left)} of its processes were "
            "still there.",
            "End them in close(), also after a run that failed, and wait for them.",
        )


@check("constructor", knowing=("runs",))
def surroundings_(subject: ExecutorSubject) -> Found:
    """The process is left as it was: threads, flags, folder, environment, signals."""
    yield from disturbances(subject)


def _ended(before: set[int]) -> set[int]:
    """The processes that were started since and have not gone by themselves; now they have."""
    deadline = time.monotonic() + ENDS_WITHIN_SECONDS
    while (left := _children() - before) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return left


def _children() -> set[int]:
    """All processes below this one, but for those that have ended and are not waited for."""
    command = ["ps", "-A", "-o", "pid=,ppid=,stat="]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        table = [line.split()[:3] for line in process.stdout]
    parents = {int(pid): int(parent) for pid, parent, state in table if not state.startswith("Z")}
    parents.pop(process.pid, None)
    found: set[int] = set()
    generation = {os.getpid()}
    while generation:
        generation = {pid for pid, parent in parents.items() if parent in generation} - found
        found |= generation
    return found


CHECKS = (constructor, runs, scores, listeners, failure, close, surroundings_)
