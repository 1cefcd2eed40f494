"""The worker process as its parent sees it: ask, listen, wait, end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from genbench.errors import GenbenchError, UsageError
from genbench.listeners import Listeners

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
"""What asks a worker to save its run and end it."""

GRACE_SECONDS = 5
"""How long a worker has to write its stack after SIGABRT before it is killed."""


class WorkerDiedError(GenbenchError):
    """The worker process ended in the middle of a question."""

    def __init__(self, message: str, status: str = "failed", detail: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail
        """What belongs in the log beside the message."""


class Worker:
    """The process and the two ends of what is said with it (`genbench.executors.worker`).

    Args:
        telling: held while listeners are told of an event; they may be those of other workers.
    """

    def __init__(self, telling: threading.Lock) -> None:
        self._telling = telling
        self.begun = False
        """Whether it has begun with what it was last asked."""
        self._interrupted = False
        self._running = False
        self._timed_out = False
        self._out_of_memory_before = _out_of_memory_kills()
        reading, writing = os.pipe()
        lifeline, self._lifeline = os.pipe()
        with _interrupts_held_back():
            self._process = self._start(writing, lifeline)
        os.close(writing)
        os.close(lifeline)
        self._answers: IO[str] = os.fdopen(reading, encoding="utf-8")
        self._watcher = threading.Thread(target=self._clear_up, daemon=True)
        self._watcher.start()

    def _clear_up(self) -> None:
        # What a plugin forked has the pipe open too: reading it would never come to an end.
        self._process.wait()
        self._kill()

    def _kill(self) -> None:
        """End the worker and whatever its plugins started, as far as it stayed in its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _start(self, writing: int, lifeline: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            # -P: what lies in the current folder is not imported in place of what is installed.
            [
                *(sys.executable, "-P", "-m", "genbench.executors.worker"),
                *(str(writing), str(lifeline)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[writing, lifeline],
            encoding="utf-8",
            # Ctrl-C reaches this process alone, which passes it on once and then waits.
            start_new_session=True,
            # For what is loaded later than `genbench.environment.repeatable` can limit it.
            env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **os.environ},
        )

    def ask(
        self, question: Mapping[str, Any], listeners: Listeners, timeout_seconds: float | None
    ) -> Any:
        """Put a question, hand on the events, return the answer.

        Args:
            question: as `genbench.executors.worker` takes it.
            listeners: told of the events.
            timeout_seconds: how long it may take from when the worker begins; None: for ever.

        Raises:
            WorkerDiedError: there will be none.
            GenbenchError: as the other side raised it.
        """
        assert self._process.stdin is not None
        self._timed_out = self.begun = False
        self._running = "run" in question
        self._out_of_memory_before = _out_of_memory_kills()
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(question) + "\n")
                self._process.stdin.flush()
            while (line := self._answers.readline()).endswith("\n"):
                message = json.loads(line)
                if "begun" in message:
                    self.begun = True
                    # Only now: importing torch may take longer than a short run.
                    stack.enter_context(self._ending_after(timeout_seconds))
                    continue
                if "event" not in message:
                    self._running = False
                    return _answer(message)
                arguments = dict(message["arguments"])
                if "folder" in arguments:
                    arguments["folder"] = Path(arguments["folder"])
                with self._telling:
                    listeners.notify(message["event"], **arguments)
            raise self._death(timeout_seconds)

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    @property
    def spent(self) -> bool:
        """Whether it was ended just when its answer came."""
        return self._timed_out

    def interrupt(self, *, at_once: bool) -> None:
        """Have the run saved and ended, or the process killed; returns without waiting."""
        self._interrupted = True
        # A run has something to save; an import that hangs has not.
        if at_once or not self._running:
            self._kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)

    def end(self) -> None:
        """End the process, whatever it does; it has nothing to write when no question is open."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._kill()
        self._process.wait()
        self._answers.close()
        os.close(self._lifeline)
        # A thread that still runs when the interpreter ends may end it with an abort.
        self._watcher.join()

    @contextlib.contextmanager
    def _ending_after(self, seconds: float | None) -> Iterator[None]:
        if seconds is None:
            yield
            return

        def end() -> None:
            self._timed_out = True
            # Its faulthandler writes the stack to the run's log, also from within C code.
            self._process.send_signal(signal.SIGABRT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_SECONDS)
            self._kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _death(self, timeout_seconds: float | None) -> WorkerDiedError:
        code = self._process.wait()
        if self._timed_out:
            return WorkerDiedError(
                f"It took longer than the {timeout_seconds:g} s of --timeout; its stack is at the "
                "end of the log.",
                "timed-out",
            )
        if self._interrupted:
            return WorkerDiedError("It was interrupted, and ended at once.", "interrupted")
        if code >= 0:
            return WorkerDiedError(f"The worker process ended by itself, with exit code {code}.")
        name = signal.Signals(-code).name
        if name == "SIGKILL" and _out_of_memory_kills() > self._out_of_memory_before:
            return WorkerDiedError(
                "The system ran out of memory and killed the worker process.", "out-of-memory"
            )
        hint = " The system may have run out of memory." if name == "SIGKILL" else ""
        return WorkerDiedError(f"The worker process was ended by {name}.{hint}")


def _out_of_memory_kills() -> int:
    """How many processes this system has killed for want of memory; 0 where it does not tell."""
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("oom_kill ")).split()[1])
    return 0


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    # What a thread blocks its children block, too: the worker, until it has handlers of its own.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _answer(message: Mapping[str, Any]) -> Any:
    if "bug" in message:
        last = message["bug"].strip().splitlines()[-1]
        raise WorkerDiedError(
            f"A bug in genbench, or a plugin that broke its worker: {last}", detail=message["bug"]
        )
    if "error" in message:
        kind = UsageError if message["exit_code"] == UsageError.exit_code else GenbenchError
        raise kind(message["error"])
    return message["answer"]
