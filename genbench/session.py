"""Many runs in a row: reuses what is there, trains once what is evaluated twice, runs the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from genbench.errors import StoreError, UsageError
from genbench.executors import Executor
from genbench.files import writable
from genbench.folder import RunFolder
from genbench.job import Job, Outcome
from genbench.leaderboard import store
from genbench.plan import RunSpec


def run_all(
    specs: Sequence[RunSpec],
    executor: Executor,
    *,
    results: Path,
    device: str = "auto",
    threads: int = 1,
    fresh: bool = False,
    listeners: Sequence[object] = (),
    on_reuse: Callable[[RunSpec], None] = lambda spec: None,
) -> Iterator[Outcome]:
    """Run every spec; a failure is an outcome like any other, and the rest go on.

    Args:
        specs: what to run.
        executor: who runs it.
        results: the results folder; made where it is missing.
        device: as ``--device``.
        threads: CPU threads of a run.
        fresh: run again what is there already.
        listeners: hook implementations to hear of it in this process.
        on_reuse: told of every run that is there already.

    Raises:
        UsageError: another process runs one of them right now, or the folder cannot be written.
    """
    problem = writable(results)
    if problem:
        raise UsageError(f"The results folder {results} cannot be written: {problem}.")
    for spec in specs:
        folder = RunFolder.of(results, spec.run_id)
        folder.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder.path.parent / f".{spec.run_id}.lock", timeout=0):
                if not fresh and is_complete(folder):
                    on_reuse(spec)
                    yield Outcome(run_id=spec.run_id, status="ok", reused=True)
                    continue
                job = Job(
                    spec=spec,
                    results=results,
                    device=device,
                    threads=threads,
                    trained_in=None if fresh else trained_elsewhere(results, spec),
                )
                folder.begin(spec)
                yield executor.run(job, listeners)
        except Timeout:
            raise UsageError(
                f"The run {spec.run_id} is going on in another process, in {folder.path}."
            ) from None


def is_complete(folder: RunFolder) -> bool:
    """Whether a run is there whole: it ended well and its rows can be read."""
    try:
        record = folder.read()
        if record is None or record["status"] != "ok":
            return False
        store.read_file(folder.rows)
    except StoreError:
        return False
    return True


def trained_elsewhere(results: Path, spec: RunSpec) -> str | None:
    """A run whose weights are the very ones that this run would train, if there is one."""
    for path in sorted((results / "runs").glob(f"{spec.model.name}-{spec.dataset.name}-*")):
        folder = RunFolder(path)
        try:
            record: dict[str, Any] = folder.read() or {}
        except StoreError:
            continue
        same = record.get("training_id") == spec.training_id and path.name != spec.run_id
        if same and record["status"] == "ok" and folder.checkpoint.is_file():
            return path.name
    return None
