"""Runs a run in a worker process of this machine, which stays warm from run to run.

This side imports no torch. A plugin that ends its process takes only its run with it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from genbench import __version__, plan
from genbench.errors import GenbenchError, UsageError
from genbench.job import Job, Outcome
from genbench.leaderboard import rows, store
from genbench.listeners import Listeners
from genbench.plan import Request, RunSpec

PATIENCE_SECONDS = 30
"""How long an interrupted worker may take to write down what it has."""


class WorkerDiedError(GenbenchError):
    """The worker process ended in the middle of a question."""


class LocalExecutor:
    """Fulfils `genbench.executors.Executor` with one worker process."""

    def __init__(self) -> None:
        self._worker: _Worker | None = None

    def resolve(self, requests: Sequence[Request], device: str) -> list[RunSpec]:
        """Resolve in the worker; a plugin that ends it on import keeps its options as given."""
        self._ask({"device": device}, [])
        return [self._resolve_one(request) for request in requests]

    def _resolve_one(self, request: Request) -> RunSpec:
        try:
            answer = self._ask({"resolve": request.model_dump(mode="json")}, [])
        except WorkerDiedError:
            return plan.unresolved(request)
        return RunSpec.model_validate(answer)

    def run(self, job: Job, listeners: Sequence[object]) -> Outcome:
        """Run in the worker; if it dies, write the row that it could not."""
        try:
            answer = self._ask({"run": job.model_dump(mode="json")}, listeners)
        except WorkerDiedError as death:
            return _record_death(job, str(death))
        return Outcome.model_validate(answer)

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.end()
            self._worker = None

    def _ask(self, question: Mapping[str, Any], listeners: Sequence[object]) -> Any:
        if self._worker is None:
            self._worker = _Worker()
        try:
            return self._worker.ask(question, Listeners(listeners, plugins=False))
        except WorkerDiedError:
            self.close()
            raise


class _Worker:
    """The process and the two ends of what is said with it."""

    def __init__(self) -> None:
        reading, writing = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "genbench.executors.worker", str(writing)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[writing],
            encoding="utf-8",
            # Ctrl-C reaches this process alone, which passes it on once and then waits.
            start_new_session=True,
        )
        os.close(writing)
        self._answers: IO[str] = os.fdopen(reading, encoding="utf-8")

    def ask(self, question: Mapping[str, Any], listeners: Listeners) -> Any:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._death() from None
        interrupted = False
        while True:
            try:
                line = self._answers.readline()
            except KeyboardInterrupt:
                if interrupted:
                    self._process.kill()
                    raise
                interrupted = True
                self._process.send_signal(signal.SIGINT)
                continue
            if not line.endswith("\n"):
                if interrupted:
                    raise KeyboardInterrupt
                raise self._death()
            message = json.loads(line)
            if "event" in message:
                _notify(listeners, message)
            elif "error" in message:
                kind = UsageError if message["exit_code"] == 2 else GenbenchError
                raise kind(message["error"])
            elif interrupted and "run" not in question:
                raise KeyboardInterrupt
            else:
                return message["answer"]

    def _death(self) -> WorkerDiedError:
        self._answers.close()
        code = self._process.wait()
        if code >= 0:
            return WorkerDiedError(f"The worker process ended by itself, with exit code {code}.")
        name = signal.Signals(-code).name
        hint = " The system may have run out of memory." if name == "SIGKILL" else ""
        return WorkerDiedError(f"The worker process was ended by {name}.{hint}")

    def end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if not self._answers.closed:
            self._answers.close()


def _notify(listeners: Listeners, message: Mapping[str, Any]) -> None:
    arguments = dict(message["arguments"])
    if "folder" in arguments:
        arguments["folder"] = Path(arguments["folder"])
    listeners.notify(message["event"], **arguments)


def _record_death(job: Job, reason: str) -> Outcome:
    base = rows.of_run(job.spec, {"device": "unknown", "threads": job.threads}, None)
    store.commit(job.folder.leaderboard, [rows.of_failure(base, "failed", reason)])
    record = job.folder.read() or {
        "run_id": job.spec.run_id,
        "training_id": job.spec.training_id,
        "spec": job.spec.model_dump(mode="json"),
        "genbench": __version__,
    }
    job.folder.write(record | {"status": "failed", "reason": reason})
    with job.folder.log.open("a", encoding="utf-8") as log:
        log.write(reason + "\n")
    return Outcome(run_id=job.spec.run_id, status="failed", reason=reason)
