"""What a command is at, written down for other terminals: queued, running, ended.

::

    results/runs/.commands/<time>-<pid>.json    what it was asked for, and the state of each run
    results/runs/.commands/<time>-<pid>.lock    held by the command as long as it lives

A command that has died can no longer say so: that its lock is free says it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from genbench.files import locked
from genbench.hookspecs import hookimpl
from genbench.job import Outcome
from genbench.plan import Request, RunSpec

WRITE_EVERY_SECONDS = 0.5
"""How old what is written may be while runs go on."""

QUEUED, RUNNING, ELSEWHERE = "queued", "running", "left to another command"


class CommandRecord:
    """Keeps the file of one command up to date: a listener of its runs, and a context manager.

    Args:
        results: the results folder.
        requests: what was asked for.
        specs: the runs that these are, in the same order.
        command: the command line.
    """

    def __init__(
        self,
        results: Path,
        requests: Sequence[Request],
        specs: Sequence[RunSpec],
        command: Sequence[str],
    ) -> None:
        self._folder = _folder(results)
        self._runs: dict[str, dict[str, Any]] = {spec.run_id: {"state": QUEUED} for spec in specs}
        asked: dict[str, Any] = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "command": list(command),
            "started": _now(),
            "requests": [
                {"run_id": spec.run_id, "request": request.model_dump(mode="json")}
                for request, spec in zip(requests, specs, strict=True)
            ],
        }
        # As text, once: it is most of the file, which is written whenever a run begins or ends.
        self._asked = json.dumps(asked).removesuffix("}")
        self._written_at = 0.0
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        self._path = self._folder / f"{stamp}-{os.getpid()}.json"
        self._living = contextlib.ExitStack()
        self._writing = threading.Lock()  # runs end and report in several threads

    def __enter__(self) -> Self:
        # For somebody else's eyes: on a full disk the runs have their own way to say so.
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._living.enter_context(locked(self._path.with_suffix(".lock"), exclusive=True))
            _forget_the_dead(self._folder)
        self._write()
        return self

    def __exit__(self, *_: object) -> None:
        self._write()
        self._living.close()
        with contextlib.suppress(OSError):
            self._path.with_suffix(".lock").unlink(missing_ok=True)

    def ended(self, outcome: Outcome) -> None:
        """Keep how a run ended, also one that was there already."""
        self._runs[outcome.run_id] = {
            "state": ELSEWHERE if outcome.status == RUNNING else outcome.status,
            "reason": outcome.reason,
            "reused": outcome.reused,
        }
        self._write()

    @hookimpl
    def run_started(self, run_id: str) -> None:
        """It is under way."""
        self._runs[run_id] = {"state": RUNNING, "started": _now(), "doing": "starting"}
        self._write()

    @hookimpl
    def progressed(self, run_id: str, images: int, budget: int) -> None:
        """It trains."""
        run = self._runs[run_id]
        now = time.monotonic()
        # From one report to the next: evaluations in between are no training.
        seen = run.pop("seen", None)
        if seen is not None and now > seen[1]:
            run["images_per_second"] = (images - seen[0]) / (now - seen[1])
        run |= {"doing": "training", "images": images, "budget": budget, "seen": (images, now)}
        if now - self._written_at >= WRITE_EVERY_SECONDS:
            self._write()

    @hookimpl
    def evaluated(self, run_id: str, fraction: float) -> None:
        """It has been measured; at the end of the budget there is a final evaluation to come."""
        run = self._runs[run_id]
        run.pop("seen", None)
        doing = "training" if fraction < 1 else "final evaluation"
        if doing != run.get("doing") or time.monotonic() - self._written_at >= WRITE_EVERY_SECONDS:
            run["doing"] = doing
            self._write()

    def _write(self) -> None:
        with self._writing, contextlib.suppress(OSError):
            self._written_at = time.monotonic()
            now = json.dumps({"runs": self._runs, "updated": _now()}).removeprefix("{")
            _replace(self._path, f"{self._asked}, {now}")


@dataclass(frozen=True)
class Command:
    """A command as its file has it."""

    alive: bool
    pid: int
    host: str
    command: list[str]
    started: str
    updated: str
    runs: Mapping[str, Mapping[str, Any]]
    """By run id: ``state`` (queued, running or as in a row) and, while it runs, ``doing``,
    ``images``, ``budget``, ``images_per_second``."""
    requests: Sequence[Mapping[str, Any]]

    @property
    def undone(self) -> list[Request]:
        """What it was asked for and did not end well, or was not begun."""
        return [
            Request.model_validate(asked["request"])
            for asked in self.requests
            if self.runs[asked["run_id"]]["state"] != "ok"
        ]


def commands(results: Path) -> list[Command]:
    """The commands of a results folder that are under way, and the latest that is not."""
    found = []
    for path in sorted(_folder(results).glob("*.json")):
        # What is being replaced or removed right now is another command's to tell.
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            data = json.loads(path.read_text(encoding="utf-8"))
            fields = ("pid", "host", "command", "started", "updated", "runs", "requests")
            found.append(Command(_is_alive(path), **{name: data[name] for name in fields}))
    living = [command for command in found if command.alive]
    dead = [command for command in found if not command.alive]
    return [*dead[-1:], *living]


def eta_seconds(run: Mapping[str, Any]) -> float | None:
    """How long the training of a run will still take, from what it did last; None: not known."""
    speed = run.get("images_per_second")
    if run.get("doing") != "training" or not speed:
        return None
    return float(max(run["budget"] - run["images"], 0) / speed)


def _folder(results: Path) -> Path:
    return results / "runs" / ".commands"


def _is_alive(path: Path) -> bool:
    """Whether the command of a file holds its lock; shared, so that two who look see only it."""
    try:
        descriptor = os.open(path.with_suffix(".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)


def _forget_the_dead(folder: Path) -> None:
    """All but the latest: that is what ``--last-failed`` goes by."""
    dead = [path for path in sorted(folder.iterdir()) if not _is_alive(path)]
    latest = [path for path in dead if path.suffix == ".json"][-1:]
    for path in dead:
        if path not in latest:
            path.unlink(missing_ok=True)


def _replace(path: Path, text: str) -> None:
    # Whole for whoever reads it now; after a crash of the machine nobody needs it.
    temporary = path.with_suffix(".tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
