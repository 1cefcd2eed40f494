"""Who runs a run: in this process, in worker processes, or wherever a plugin takes it."""

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

    def open(self, device: str, jobs: int, timeout_seconds: float | None) -> int:
        """Get ready.

        Args:
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:0,2``: the devices to be used.
            jobs: how many runs share a device.
            timeout_seconds: how long importing a plugin may take; None: as long as it likes.

        Returns:
            How many runs go on at once: from so many threads ``run`` may be called.

        Raises:
            UsageError: there is no such device where the runs would be.
            KeyboardInterrupt: `interrupt` was called.
        """

    def resolve(self, requests: Sequence[Request]) -> list[RunSpec]:
        """`genbench.plan.resolve` for each, wherever plugins may be imported.

        Raises:
            UsageError: as that does.
            KeyboardInterrupt: `interrupt` was called.
        """

    def run(self, job: Job, listeners: Sequence[object]) -> Outcome:
        """Run one job on a device that is free; the listeners hear of it here, one at a time.

        Raises:
            KeyboardInterrupt: `interrupt` was called before it began.
        """

    def interrupt(self, *, at_once: bool) -> None:
        """Have all runs that are under way saved and ended as interrupted, and begin no more.

        Called by a handler of signals or from another thread; returns without waiting.

        Args:
            at_once: do not wait for anything to be saved.
        """

    def close(self) -> None:
        """End whatever was started."""
