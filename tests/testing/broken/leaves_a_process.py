from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from genbench.executors.in_process import InProcessExecutor
from genbench.job import Job, Outcome


class LeavesAProcess(InProcessExecutor):
    """FAULT: close leaves a process behind that was started for the runs."""

    def run(self, job: Job, listeners: Sequence[object]) -> Outcome:
        sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
        os.posix_spawn(sys.executable, sleeping, os.environ)
        return super().run(job, listeners)
