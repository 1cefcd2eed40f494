"""Many runs, as many at once as there are slots: reuses what is there, trains nothing twice."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from concurrent.futures import Executor as Pool
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from genbench import git
from genbench.errors import StoreError, UsageError
from genbench.executors import Executor
from genbench.files import writable
from genbench.folder import RunFolder
from genbench.job import Job, Outcome
from genbench.leaderboard import rows, store
from genbench.leaderboard.schema import Row
from genbench.plan import RunSpec

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""Errors of a disk, and of nothing else."""


@dataclass(frozen=True)
class Settings:
    """How runs are run: what decides no score but those of the hardware."""

    threads: int = 1
    """CPU threads of a run."""
    timeout_seconds: float | None = None
    """How long a run may take, for executors that can end one; None: as long as it likes."""
    checkpoint_seconds: float = 60.0
    """How long training goes on, at most, before it is saved."""
    fresh: bool = False
    """Run again what is there already. A fresh run that was cut short goes on all the same."""
    fail_fast: bool = False
    """End at the first run that is not ok; what is under way is interrupted."""


def run_all(
    specs: Iterable[RunSpec],
    executor: Executor,
    *,
    results: Path,
    slots: int = 1,
    settings: Settings = Settings(),
    listeners: Sequence[object] = (),
) -> Iterator[Outcome]:
    """Run every spec once, ``slots`` at a time; yield outcomes in the order in which they end.

    A failure is an outcome like any other, and the rest go on. Nothing is begun after a run that
    was interrupted.

    Args:
        specs: what to run.
        executor: who runs it; opened.
        results: the results folder; made where it is missing.
        slots: how many runs go on at once, as ``executor.open`` says.
        settings: how.
        listeners: hook implementations to hear of it in this process.

    Raises:
        UsageError: the results folder cannot be written; nothing has been run.
        StoreError: what a run made cannot be written; what is under way is ended first.
    """
    check_writable(results)
    session = _Session(executor, results.absolute(), settings, listeners)
    yield from session.run(list({spec.run_id: spec for spec in specs}.values()), slots)


class _Session:
    def __init__(
        self, executor: Executor, results: Path, settings: Settings, listeners: Sequence[object]
    ) -> None:
        self._executor = executor
        self._results = results  # absolute: a plugin may change the current folder
        self._settings = settings
        self._listeners = listeners
        self._trained = _trained(results)
        self._git = git.commit_of(Path.cwd())
        self._locks = results / "runs" / ".locks"
        try:
            self._locks.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self._locks} cannot be made: {error.strerror}.") from error

    def run(self, waiting: list[RunSpec], slots: int) -> Iterator[Outcome]:
        """As `run_all`."""
        under_way: dict[Future[Outcome], RunSpec] = {}
        ended = False
        error: BaseException | None = None
        with _pool(slots) as pool:
            while under_way or (waiting and not ended):
                while not ended and len(under_way) < slots:
                    spec = _next(waiting, under_way.values())
                    if spec is None:
                        break
                    under_way[pool.submit(self._run_one, spec)] = spec
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    spec = under_way.pop(future)
                    try:
                        outcome = future.result()
                    except BaseException as raised:
                        # One that was interrupted before it began is only not begun.
                        if not isinstance(raised, KeyboardInterrupt):
                            error = error or raised
                        ended = self._end(under_way)
                        continue
                    if outcome.status == "ok":
                        self._trained[spec.training_id] = spec.run_id
                    yield outcome
                    if outcome.status == "interrupted":
                        ended = True
                    elif self._settings.fail_fast and outcome.status != "ok" and not ended:
                        ended = self._end(under_way)
        if error is not None:
            raise error

    def _end(self, under_way: Mapping[Future[Outcome], RunSpec]) -> bool:
        """Have what is under way saved and ended."""
        if under_way:
            self._executor.interrupt(at_once=False)
        return True

    def _run_one(self, spec: RunSpec) -> Outcome:
        run_id, settings = spec.run_id, self._settings
        folder = RunFolder.of(self._results, run_id)
        try:
            with FileLock(self._locks / f"{run_id}.lock", timeout=0):
                scratch = RunFolder.of(self._results, f".fresh-{run_id}")
                folder.settle(scratch, lambda: _rows_sha256(folder))
                complete = is_complete(folder)
                if complete and not settings.fresh:
                    return Outcome(run_id=run_id, status="ok", folder=folder.path, reused=True)
                trained_in = None if settings.fresh else self._trained.get(spec.training_id)
                job = Job(
                    spec=spec,
                    results=self._results,
                    threads=settings.threads,
                    timeout_seconds=settings.timeout_seconds,
                    checkpoint_seconds=settings.checkpoint_seconds,
                    git=self._git,
                    trained_in=None if trained_in == run_id else trained_in,
                    fresh=settings.fresh,
                    replaces=complete,
                )
                job.folder.begin(spec, going_on=_goes_on(job))
                outcome = self._executor.run(job, self._listeners)
                RunFolder(outcome.folder).trim_log()
                return outcome
        except Timeout:
            reason = f"Another process is running it, in {folder.path}."
            return Outcome(run_id=run_id, status="running", reason=reason, folder=folder.path)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            raise StoreError(f"{folder.path} cannot be written: {error}.") from error


def _goes_on(job: Job) -> bool:
    """Whether a run goes on from what an earlier try left, or begins from nothing."""
    if not job.folder.can_go_on:
        return False
    if not job.fresh:
        return True
    # The same command again: a run that was to be fresh, and was cut short, is fresh enough.
    record = job.folder.read() or {}
    return bool(record.get("fresh")) and job.folder.was_cut_short


def _next(waiting: list[RunSpec], under_way: Iterable[RunSpec]) -> RunSpec | None:
    """Take the first that does not train what is being trained right now."""
    training = {spec.training_id for spec in under_way}
    for spec in waiting:
        if spec.training_id not in training:
            waiting.remove(spec)
            return spec
    return None


@contextlib.contextmanager
def _pool(slots: int) -> Iterator[Pool]:
    if slots > 1:
        with ThreadPoolExecutor(slots, thread_name_prefix="genbench-slot") as pool:
            yield pool
    else:
        yield _Here()


class _Here(Pool):
    """Calls at once, in this thread: one run at a time needs no other; a debugger wants it."""

    def submit(  # type: ignore[override]
        self, function: Callable[..., Outcome], /, *arguments: object
    ) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return future


@contextlib.contextmanager
def interrupts_passed_to(
    executor: Executor, told: Callable[[bool], None] = lambda at_once: None
) -> Iterator[list[int]]:
    """A block in which Ctrl-C, SIGTERM and SIGHUP ask runs to save and end; again, to end at once.

    Gives a list of the signals that came.

    Args:
        executor: whose runs.
        told: called with whether they end at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield []
        return
    asked: list[int] = []

    def pass_on(number: int, _: object) -> None:
        asked.append(number)
        if len(asked) > 2:
            raise KeyboardInterrupt
        try:
            executor.interrupt(at_once=len(asked) > 1)
        finally:
            with contextlib.suppress(OSError):  # of a terminal that was closed
                told(len(asked) > 1)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def check_writable(results: Path) -> None:
    """See that runs can be kept in a results folder.

    Raises:
        UsageError: they cannot.
    """
    problem = writable(results)
    if problem:
        raise UsageError(f"The results folder {results} cannot be written: {problem}.")


def is_complete(folder: RunFolder) -> bool:
    """Whether a run is there whole: it ended well, and rows and weights are those it wrote."""
    try:
        record = folder.read()
        if record is None or record["status"] != "ok":
            return False
        weights = hashlib.sha256(folder.checkpoint.read_bytes()).hexdigest()
    except (StoreError, OSError):
        return False
    return bool(
        weights == record.get("checkpoint_sha256")
        and record.get("rows_sha256") == _rows_sha256(folder)
    )


def _rows_sha256(folder: RunFolder) -> str | None:
    """Of the rows that the leaderboard has of a run; None where it has none, or damaged ones."""
    try:
        table = store.read_run(folder.leaderboard, folder.path.name)
    except StoreError:
        return None
    return None if table is None else rows.digest(store.rows_of(table))


def rows_of(outcome: Outcome) -> list[Row]:
    """The rows of a run; none where it has none, or where an earlier result was kept."""
    folder = RunFolder(outcome.folder)
    if folder.path.name != outcome.run_id or not folder.leaderboard.is_dir():
        return []
    table = store.read_run(folder.leaderboard, outcome.run_id)
    return [] if table is None else store.rows_of(table)


def _trained(results: Path) -> dict[str, str]:
    """By training id: a run that has final weights, however its evaluation ended."""
    found = {}
    for path in sorted((results / "runs").glob("[!.]*")):
        folder = RunFolder(path)
        try:
            record = folder.read()
        except StoreError:
            continue  # whoever asks for that very run is told
        if record and "checkpoint_sha256" in record and folder.checkpoint.is_file():
            found[record["training_id"]] = path.name
    return found
