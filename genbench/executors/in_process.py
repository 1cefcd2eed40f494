"""Runs a run in this very process: for ``--pdb``, notebooks and tests."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from genbench import environment, plan, runner
from genbench.errors import UsageError
from genbench.interrupts import Interrupts
from genbench.job import Job, Outcome
from genbench.plan import Request, RunSpec


class InProcessExecutor:
    """Fulfils `genbench.executors.Executor`; a plugin that ends the process ends everything.

    Args:
        debug: let exceptions of plugins through, and leave standard output to the debugger.
    """

    def __init__(self, *, debug: bool = False) -> None:
        self._debug = debug
        self._device = "auto"
        self._interrupts = Interrupts()

    def open(self, device: str, jobs: int, timeout_seconds: float | None) -> int:
        """One run at a time, on the first of the devices."""
        if jobs > 1:
            raise UsageError("--jobs: one process runs one run at a time; use --executor local.")
        self._device = environment.choose_devices(device)[0]
        self._interrupts = Interrupts()
        return 1

    def resolve(self, requests: Sequence[Request]) -> list[RunSpec]:
        """Import the plugins here."""
        return [plan.resolve(request) for request in requests]

    def run(self, job: Job, listeners: Sequence[object]) -> Outcome:
        """Run here, printing to the log."""
        self._interrupts.check()
        job = job.model_copy(update={"device": self._device})
        if self._debug:
            return runner.run(job, listeners, debug=True)
        with (
            job.folder.log.open("a", encoding="utf-8") as file,
            contextlib.redirect_stdout(file),
            contextlib.redirect_stderr(file),
        ):
            return runner.run(job, listeners, interrupts=self._interrupts)

    def interrupt(self, *, at_once: bool) -> None:
        """End the run that is under way at its next train step; asked again, anywhere."""
        if self._debug:
            raise KeyboardInterrupt
        if at_once:
            self._interrupts.insist()
        else:
            self._interrupts.request()

    def close(self) -> None:
        """Nothing was started."""
