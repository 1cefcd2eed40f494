"""The worker process: reads jobs from standard input, answers on a pipe, prints to the run's log.

Messages are JSON, one a line. A question is ``{"devices": names}``, ``{"resolve": request}`` or
``{"run": job}``; ``{"begun": true}`` and any number of ``{"event": hook, …}`` come before the one
``{"answer": …}`` or ``{"error": message, "exit_code": number}`` or ``{"bug": traceback}``.
"""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import functools
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from genbench.errors import GenbenchError
from genbench.executors.process import INTERRUPTS
from genbench.hookspecs import hookimpl
from genbench.interrupts import Interrupts
from genbench.job import Job


class Relay:
    """Hears the hooks in the worker and sends what the other side can show."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe

    @hookimpl
    def run_started(self, run_id: str, folder: Path, spec: Mapping[str, Any]) -> None:
        """Send it on."""
        self._send("run_started", run_id=run_id, folder=str(folder), spec=spec)

    @hookimpl
    def progressed(
        self, run_id: str, images: int, budget: int, losses: Mapping[str, float]
    ) -> None:
        """Send it on."""
        self._send("progressed", run_id=run_id, images=images, budget=budget, losses=losses)

    @hookimpl
    def evaluated(
        self,
        run_id: str,
        folder: Path,
        fraction: float,
        weights: str,
        rows: Sequence[Mapping[str, Any]],
    ) -> None:
        """Send the rows; the evidence stays here."""
        self._send(
            "evaluated",
            run_id=run_id,
            folder=str(folder),
            fraction=fraction,
            weights=weights,
            rows=rows,
            evidence=None,
        )

    @hookimpl
    def run_ended(self, run_id: str, folder: Path, status: str, reason: str | None) -> None:
        """Send it on."""
        self._send("run_ended", run_id=run_id, folder=str(folder), status=status, reason=reason)

    def _send(self, hook: str, **arguments: Any) -> None:
        send(self._pipe, {"event": hook, "arguments": arguments})


def send(pipe: IO[str], message: Mapping[str, Any]) -> None:
    """Write one message; times become text."""
    pipe.write(json.dumps(message, default=str) + "\n")
    pipe.flush()


def _listen(interrupts: Interrupts) -> None:
    """Ctrl-C, passed on by the parent, and SIGTERM ask the run to end."""

    def request(*_: object) -> None:
        interrupts.request()

    for number in INTERRUPTS:
        signal.signal(number, request)
    # Held back until there is somebody to hear them.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)


def _die_with_the_parent(lifeline: int) -> None:
    """Have the system end this process when the parent's end of a pipe is closed.

    Also while C code holds the interpreter's lock, when no thread can see that standard input has
    ended. Nothing is ever written to it, so that the one thing to be told of is its end. Linux
    alone lets a process choose the signal; elsewhere there is the thread.
    """
    if sys.platform == "linux":
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)


def main(descriptor: int, lifeline: int) -> None:
    """Answer until standard input ends, which it does when the parent does."""
    _die_with_the_parent(lifeline)
    interrupts = Interrupts()
    _listen(interrupts)
    pipe = os.fdopen(descriptor, "w", encoding="utf-8")
    questions = _questions()
    # While the other side still reads names: importing torch takes most of a short command. What
    # goes wrong here goes wrong again, and is told, with the first question.
    with contextlib.suppress(Exception):
        _import_torch()
    while True:
        question = json.loads(questions.get())
        try:
            send(pipe, {"answer": _answer(question, pipe, interrupts)})
        except GenbenchError as error:
            send(pipe, {"error": str(error), "exit_code": error.exit_code})
        except Exception:
            # A bug of genbench's own: it keeps its traceback, and the worker its life.
            send(pipe, {"bug": traceback.format_exc()})


def _answer(question: Mapping[str, Any], pipe: IO[str], interrupts: Interrupts) -> Any:
    # Torch and the plugins come in here, where SIGINT is already looked after.
    from genbench import environment, plan, runner

    _import_torch()
    send(pipe, {"begun": True})
    if "devices" in question:
        return environment.choose_devices(question["devices"])
    if "resolve" in question:
        spec = plan.resolve(plan.Request.model_validate(question["resolve"]))
        return spec.model_dump(mode="json")
    job = Job.model_validate(question["run"])
    _listen(interrupts)  # whatever the last plugin put there
    with _printing_to(job.folder.log):
        outcome = runner.run(job, [Relay(pipe)], interrupts=interrupts)
    return outcome.model_dump(mode="json")


@functools.cache
def _import_torch() -> None:
    from genbench import environment, plan, runner  # noqa: F401

    environment.warm_up()


def _questions() -> queue.SimpleQueue[str]:
    """The lines of standard input, read by a thread: its end must be seen while a run goes on."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    # Moved out of reach: a plugin that reads standard input must find nothing there.
    source = os.fdopen(os.dup(0), encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def read() -> None:
        for line in source:
            lines.put(line)
        # The parent is gone or wants no more. A run that is under way is of no use to anybody.
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return lines


@contextlib.contextmanager
def _printing_to(log: Path) -> Iterator[None]:
    """Standard output and error of this process, C code included, go to a file."""
    _open_streams()
    kept = os.dup(1), os.dup(2)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
    # A crash in C code, and the end of a run that outlived its timeout, leave their stack there.
    faulthandler.enable()
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(ValueError, OSError):
                stream.flush()  # a plugin may have closed it
        for number, original in zip((1, 2), kept, strict=True):
            os.dup2(original, number)
            os.close(original)


def _open_streams() -> None:
    """Python's standard streams anew, whatever the last plugin did to them.

    Buffered by the line: what is printed is in the log also if the process dies in the next one.
    """
    for name, number in (("stdout", 1), ("stderr", 2)):
        with contextlib.suppress(ValueError, OSError):
            getattr(sys, name).flush()
        stream = open(number, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
