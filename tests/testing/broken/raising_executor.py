from __future__ import annotations

from collections.abc import Sequence

from genbench.executors.in_process import InProcessExecutor
from genbench.job import Job, Outcome


class RaisingExecutor(InProcessExecutor):
    """FAULT: a run that fails is raised, where it should be an outcome."""

    def run(self, job: Job, listeners: Sequence[object]) -> Outcome:
        outcome = super().run(job, listeners)
        if outcome.status != "ok":
            raise RuntimeError(f"{outcome.run_id} failed")
        return outcome
