"""Who runs a run: in this process, in a worker process, or wherever a plugin takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from genbench.job import Job, Outcome
from genbench.plan import Request, RunSpec


class Executor(Protocol):
    """The interface of the entry-point group ``genbench.executors``; constructed with nothing.

    The folder of a job's run has been made when ``run`` is called; what the run prints goes to
    its log. However a run ends, ``run`` returns its outcome, and its rows have been written.
    """

    def resolve(self, requests: Sequence[Request], device: str) -> list[RunSpec]:
        """`genbench.plan.resolve` for each, wherever plugins may be imported.

        Raises:
            UsageError: as that does, or there is no such device where the runs would be.
        """

    def run(self, job: Job, listeners: Sequence[object]) -> Outcome:
        """Run one job; the listeners, implementations of `genbench.hookspecs`, hear of it here."""

    def close(self) -> None:
        """End whatever was started."""
