"""Runs a run in this very process: for ``--pdb``, notebooks and tests."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from genbench import environment, plan, runner
from genbench.job import Job, Outcome
from genbench.plan import Request, RunSpec


class InProcessExecutor:
    """Fulfils `genbench.executors.Executor`; a plugin that ends the process ends everything.

    Args:
        debug: let exceptions of plugins through, and leave standard output to the debugger.
    """

    def __init__(self, *, debug: bool = False) -> None:
        self._debug = debug

    def resolve(self, requests: Sequence[Request], device: str) -> list[RunSpec]:
        """Import the plugins here."""
        environment.choose_device(device)
        return [plan.resolve(request) for request in requests]

    def run(self, job: Job, listeners: Sequence[object]) -> Outcome:
        """Run here, printing to the log."""
        if self._debug:
            return runner.run(job, listeners, debug=True)
        with (
            job.folder.log.open("a", encoding="utf-8") as file,
            contextlib.redirect_stdout(file),
            contextlib.redirect_stderr(file),
        ):
            return runner.run(job, listeners)

    def close(self) -> None:
        """Nothing was started."""
