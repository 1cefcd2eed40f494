"""A run and where it goes, and how it ended: what is said between a session and an executor."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from genbench.folder import RunFolder
from genbench.plan import RunSpec


class Job(BaseModel):
    """A run, the folder for its results and the machine's side of it."""

    model_config = ConfigDict(frozen=True)

    spec: RunSpec
    results: Path
    device: str = "auto"
    threads: int = 1
    runs_per_device: int = 1
    git: str | None = None
    """`genbench.git.commit_of` where the command was given."""
    trained_in: str | None = None
    """The run whose weights are the ones that this run would train, or None."""
    timeout_seconds: float | None = None
    """How long it may take; None: as long as it likes."""
    checkpoint_seconds: float = 60.0
    """How long training goes on, at most, before it is saved."""
    fresh: bool = False
    """Whether it was to begin from nothing, whatever was there."""
    replaces: bool = False
    """Whether a good result is there, which only a good one may replace."""

    @property
    def folder(self) -> RunFolder:
        """Where the run keeps what it makes, while it goes on."""
        name = f".fresh-{self.spec.run_id}" if self.replaces else self.spec.run_id
        return RunFolder.of(self.results, name)

    @property
    def destination(self) -> RunFolder:
        """Where that is in the end."""
        return RunFolder.of(self.results, self.spec.run_id)


class Outcome(BaseModel):
    """How a run ended."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    status: str
    """As in a row; or ``running``, where another process is at it right now."""
    folder: Path
    """Where it is, or what is left of it."""
    reason: str | None = None
    reused: bool = False
    """Whether it was there already, whole."""
    resumed_at: int | None = None
    """How many images it had been charged where it went on; None: it began from nothing."""
