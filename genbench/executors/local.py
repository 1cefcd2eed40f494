"""Runs runs in worker processes of this machine, one for each slot of a device.

Workers stay warm from run to run. This side imports no torch. A plugin that ends its process
takes only its run with it, and the next run of that slot gets a new worker.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

SECONDS_TO_SAVE = 25
"""How long runs have to save and end when they are interrupted, before their workers are killed."""


@dataclass
class _Slot:
    device: str
    worker: Worker | None = None


class LocalExecutor:
    """Fulfils `genbench.executors.Executor` with one worker process for each slot."""

    def __init__(self) -> None:
        self._early: list[_Slot] = []
        """Before it is known which devices there are."""
        self._slots: list[_Slot] = []
        self._free: queue.SimpleQueue[_Slot] = queue.SimpleQueue()
        self._opened = "", 0
        self._runs_per_device = 1
        self._timeout_seconds: float | None = None
        self._interrupted = False
        self._deadline: threading.Timer | None = None
        self._telling = threading.Lock()

    def open(self, device: str, jobs: int, timeout_seconds: float | None) -> int:
        """Start the workers of one device; those of others start when they are used."""
        self._timeout_seconds = timeout_seconds
        if self._slots and self._opened == (device, jobs) and not self._interrupted:
            return len(self._slots)  # all warm
        self.close()
        self._interrupted = False
        self._opened = device, jobs
        self._runs_per_device = jobs
        # However many devices there are, there will be so many slots. All at once: a worker
        # imports for seconds, and only then can the first one say what devices there are.
        self._early = [_Slot("") for _ in range(jobs)]
        for slot in self._early:
            self._worker_of(slot)
        devices = self._ask(self._early[0], {"devices": device})
        # Device by device, so that few runs are spread over many devices.
        self._slots = [_Slot(name) for _ in range(jobs) for name in devices]
        for slot, early in zip(self._slots, self._early, strict=False):
            slot.worker = early.worker
        self._early = []
        self._free = queue.SimpleQueue()
        for slot in self._slots:
            self._free.put(slot)
        return len(self._slots)

    def resolve(self, requests: Sequence[Request]) -> list[RunSpec]:
        """Resolve in a worker; a plugin that ends it on import fails by itself, when run."""
        # Seeds share all that is to be resolved.
        resolved: dict[str, RunSpec] = {}
        specs = []
        for request in requests:
            shared = request.model_copy(update={"seed": 0}).model_dump_json()
            if shared not in resolved:
                resolved[shared] = self._resolve_one(request)
            specs.append(resolved[shared].with_seed(request.seed))
        return specs

    def _resolve_one(self, request: Request) -> RunSpec:
        question = {"resolve": request.model_dump(mode="json")}
        try:
            answer = self._ask(self._slots[0], question, timeout_seconds=self._timeout_seconds)
        except WorkerDiedError as death:
            return plan.unresolved(request, f"{death} Its plugins were being imported.")
        return RunSpec.model_validate(answer)

    def run(self, job: Job, listeners: Sequence[object]) -> Outcome:
        """Run in a free worker; if it dies, write the rows that it could not."""
        slot = self._free.get()
        try:
            return self._run_in(slot, job, listeners)
        finally:
            self._free.put(slot)

    def _run_in(self, slot: _Slot, job: Job, listeners: Sequence[object]) -> Outcome:
        here = {"device": slot.device, "runs_per_device": self._runs_per_device}
        job = job.model_copy(update=here)
        heard = _Rows()
        question = {"run": job.model_dump(mode="json")}
        try:
            answer = self._ask(slot, question, [heard, *listeners], job.timeout_seconds)
        except WorkerDiedError as death:
            outcome = _record_death(job, death, heard.rows)
            with self._telling:
                Listeners(listeners, plugins=False).notify(
                    "run_ended",
                    run_id=outcome.run_id,
                    folder=outcome.folder,
                    status=outcome.status,
                    reason=outcome.reason,
                )
            return outcome
        outcome = Outcome.model_validate(answer)
        if outcome.status == "out-of-memory":
            self._end(slot)  # what it still holds on to, the next run of this slot would lack
        return outcome

    def interrupt(self, *, at_once: bool) -> None:
        """Pass it on to the workers; kill those that have not ended in time."""
        self._interrupted = True
        for slot in (*self._early, *self._slots):
            if slot.worker is not None:
                slot.worker.interrupt(at_once=at_once)
        if self._deadline is None and not at_once:
            self._deadline = threading.Timer(
                SECONDS_TO_SAVE, self.interrupt, kwargs={"at_once": True}
            )
            self._deadline.daemon = True
            self._deadline.start()

    def close(self) -> None:
        """End the workers."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        for slot in (*self._early, *self._slots):
            self._end(slot)
        self._early, self._slots = [], []

    def _end(self, slot: _Slot) -> None:
        if slot.worker is not None:
            slot.worker.end()
            slot.worker = None

    def _ask(
        self,
        slot: _Slot,
        question: Mapping[str, Any],
        listeners: Sequence[object] = (),
        timeout_seconds: float | None = None,
        *,
        again: bool = False,
    ) -> Any:
        worker = self._worker_of(slot)
        try:
            answer = worker.ask(question, Listeners(listeners, plugins=False), timeout_seconds)
        except WorkerDiedError as death:
            self._end(slot)
            if death.status == "interrupted" and "run" not in question:
                raise KeyboardInterrupt from None
            if not again and not worker.begun and death.status != "interrupted":
                # It was killed by somebody before it had anything to do with this.
                return self._ask(slot, question, listeners, timeout_seconds, again=True)
            raise
        if worker.spent:
            self._end(slot)
        # A run that was interrupted has an outcome; for anything else this is its end.
        if self._interrupted and "run" not in question:
            raise KeyboardInterrupt
        return answer

    def _worker_of(self, slot: _Slot) -> Worker:
        if slot.worker is not None and not slot.worker.alive:
            self._end(slot)
        if slot.worker is None:
            slot.worker = Worker(self._telling)
        # Looked at only now: whoever interrupts sees this worker, or is seen here.
        if self._interrupted:
            self._end(slot)
            raise KeyboardInterrupt
        return slot.worker


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
    record = job.folder.read() or {
        "run_id": job.spec.run_id,
        "training_id": job.spec.training_id,
        "spec": job.spec.model_dump(mode="json"),
    }
    if record.get("status") == "ok" and not job.replaces:
        # It had done all that there was to do, but to say so.
        return Outcome(run_id=job.spec.run_id, status="ok", folder=job.folder.path)
    known = list(earlier)
    if not job.fresh:
        # What an earlier try had measured, which this one went on from or never came to.
        table = store.read_run(job.folder.leaderboard, job.spec.run_id)
        known += rows.missing_from(known, [] if table is None else store.rows_of(table))
    base = rows.shared(known[-1]) if known else rows.of_run(job.spec, unknown, None)
    all_rows = [*known, rows.of_failure(base, death.status, str(death))]
    if not job.replaces:
        store.commit(job.folder.leaderboard, all_rows)
    ended = {"status": death.status, "reason": str(death), "rows_sha256": rows.digest(all_rows)}
    job.folder.write(record | ended)
    with job.folder.log.open("a", encoding="utf-8") as log:
        log.write(f"{death.detail}{death}\n")
    return Outcome(
        run_id=job.spec.run_id,
        status=death.status,
        reason=str(death),
        folder=job.folder.path,
    )
