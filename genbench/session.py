"""Many runs in a row: reuses what is there, trains once what is evaluated twice, runs the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from genbench.errors import StoreError, UsageError
from genbench.executors import Executor
from genbench.files import writable
from genbench.folder import RunFolder
from genbench.job import Job, Outcome
from genbench.leaderboard import store
from genbench.plan import RunSpec


def run_all(
    specs: Iterable[RunSpec],
    executor: Executor,
    *,
    results: Path,
    device: str = "auto",
    threads: int = 1,
    timeout_seconds: float | None = None,
    fresh: bool = False,
    listeners: Sequence[object] = (),
) -> Iterator[Outcome]:
    """Run every spec once; a failure is an outcome like any other, and the rest go on.

    An interrupted run is the last one.

    Args:
        specs: what to run.
        executor: who runs it.
        results: the results folder; made where it is missing.
        device: as ``--device``.
        threads: CPU threads of a run.
        timeout_seconds: how long a run may take, for executors that can end one.
        fresh: run again what is there already.
        listeners: hook implementations to hear of it in this process.

    Raises:
        UsageError: the results folder cannot be written; nothing has been run.
    """
    problem = writable(results)
    if problem:
        raise UsageError(f"The results folder {results} cannot be written: {problem}.")
    results = results.absolute()  # a plugin may change the current folder
    trained = _trained(results)
    locks = results / "runs" / ".locks"
    locks.mkdir(parents=True, exist_ok=True)
    for run_id, spec in {spec.run_id: spec for spec in specs}.items():
        folder = RunFolder.of(results, run_id)
        try:
            with FileLock(locks / f"{run_id}.lock", timeout=0):
                complete = is_complete(folder)
                if complete and not fresh:
                    yield Outcome(run_id=run_id, status="ok", folder=folder.path, reused=True)
                    continue
                job = Job(
                    spec=spec,
                    results=results,
                    device=device,
                    threads=threads,
                    timeout_seconds=timeout_seconds,
                    trained_in=None if fresh else trained.get(spec.training_id),
                    replaces=complete,
                )
                job.folder.begin(spec)
                outcome = executor.run(job, listeners)
        except Timeout:
            reason = f"Another process is running it, in {folder.path}."
            outcome = Outcome(run_id=run_id, status="running", reason=reason, folder=folder.path)
        if outcome.status == "ok":
            trained[spec.training_id] = run_id
        yield outcome
        if outcome.status == "interrupted":
            return


def is_complete(folder: RunFolder) -> bool:
    """Whether a run is there whole: it ended well, and rows and weights are those it wrote."""
    try:
        record = folder.read()
        if record is None or record["status"] != "ok":
            return False
        store.read_file(folder.rows)
        weights = folder.checkpoint.read_bytes()
    except (StoreError, OSError):
        return False
    return bool(hashlib.sha256(weights).hexdigest() == record.get("checkpoint_sha256"))


def _trained(results: Path) -> dict[str, str]:
    """By training id: a run that ended well and so has the weights that it names."""
    found = {}
    for path in sorted((results / "runs").glob("[!.]*")):
        folder = RunFolder(path)
        try:
            record = folder.read()
        except StoreError:
            continue  # whoever asks for that very run is told
        if record and record["status"] == "ok" and folder.checkpoint.is_file():
            found[record["training_id"]] = path.name
    return found
