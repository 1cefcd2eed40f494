from __future__ import annotations

from collections.abc import Sequence

from genbench.executors.in_process import InProcessExecutor
from genbench.job import Job, Outcome


class DeafExecutor(InProcessExecutor):
    """FAULT: listeners are not told of anything."""

    def run(self, job: Job, listeners: Sequence[object]) -> Outcome:
        return super().run(job, [])
