"""Runs a run in a worker process of this machine, which stays warm from run to run.

This side imports no torch. A plugin that ends its process takes only its run with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genbench import plan
from genbench.executors.process import Worker, WorkerDiedError
from genbench.hookspecs import hookimpl
from genbench.job import Job, Outcome
from genbench.leaderboard import rows, store
from genbench.leaderboard.rows import from_plain
from genbench.leaderboard.schema import Row
from genbench.listeners import Listeners
from genbench.plan import Request, RunSpec


class LocalExecutor:
    """Fulfils `genbench.executors.Executor` with one worker process."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._stopped = False

    def resolve(self, requests: Sequence[Request], device: str) -> list[RunSpec]:
        """Resolve in the worker; a plugin that ends it on import fails by itself, when run."""
        self._stopped = False
        if self._worker is not None:
            self._worker.interrupted = False
        self._ask({"device": device})
        return [self._resolve_one(request) for request in requests]

    def _resolve_one(self, request: Request) -> RunSpec:
        try:
            answer = self._ask({"resolve": request.model_dump(mode="json")})
        except WorkerDiedError as death:
            if death.status == "interrupted":
                raise KeyboardInterrupt from None
            return plan.unresolved(request, f"{death} Its plugins were being imported.")
        return RunSpec.model_validate(answer)

    def run(self, job: Job, listeners: Sequence[object]) -> Outcome:
        """Run in the worker; if it dies, write the rows that it could not."""
        if self._stopped:
            raise KeyboardInterrupt
        heard = _Rows()
        question = {"run": job.model_dump(mode="json")}
        try:
            answer = self._ask(question, [heard, *listeners], job.timeout_seconds)
        except WorkerDiedError as death:
            outcome = _record_death(job, death, heard.rows)
            Listeners(listeners, plugins=False).notify(
                "run_ended",
                run_id=outcome.run_id,
                folder=outcome.folder,
                status=outcome.status,
                reason=outcome.reason,
            )
            return outcome
        return Outcome.model_validate(answer)

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.end()
            self._worker = None

    def _ask(
        self,
        question: Mapping[str, Any],
        listeners: Sequence[object] = (),
        timeout_seconds: float | None = None,
    ) -> Any:
        if self._worker is None:
            self._worker = Worker()
        try:
            answer = self._worker.ask(
                question, Listeners(listeners, plugins=False), timeout_seconds
            )
        except WorkerDiedError:
            self.close()
            raise
        # A run that was interrupted has an outcome; nothing more is to be run after it.
        self._stopped = self._worker.interrupted
        if self._stopped and "run" not in question:
            raise KeyboardInterrupt
        return answer


class _Rows:
    """Keeps the rows that the worker told of: if it dies they are all that there is."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    @hookimpl
    def evaluated(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep them."""
        self.rows += map(from_plain, rows)


def _record_death(job: Job, death: WorkerDiedError, earlier: Sequence[Row]) -> Outcome:
    unknown = {"device": "unknown", "threads": job.threads}
    base = rows.shared(earlier[-1]) if earlier else rows.of_run(job.spec, unknown, None)
    failure = rows.of_failure(base, death.status, str(death))
    record = job.folder.read() or {
        "run_id": job.spec.run_id,
        "training_id": job.spec.training_id,
        "spec": job.spec.model_dump(mode="json"),
    }
    if not job.replaces:
        store.commit(job.folder.leaderboard, [*earlier, failure])
    job.folder.write(record | {"status": death.status, "reason": str(death)})
    with job.folder.log.open("a", encoding="utf-8") as log:
        log.write(f"{death.detail}{death}\n")
    return Outcome(
        run_id=job.spec.run_id,
        status=death.status,
        reason=str(death),
        folder=job.folder.path,
    )
