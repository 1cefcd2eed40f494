"""The worker process: isolation, warmth, death, interruption. Real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

import genbench
from genbench import plan
from genbench.api import Result
from genbench.errors import UsageError
from genbench.executors.local import LocalExecutor
from genbench.hookspecs import hookimpl
from genbench.protocol import Protocol


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    """One worker for all tests of this file, replaced whenever one of them kills it."""
    local = LocalExecutor()
    yield local
    local.close()


@pytest.fixture
def run_in(executor: LocalExecutor, tiny: Protocol, tmp_path: Path) -> Any:
    def run(model: str, fault: str | None = None, **arguments: Any) -> Result:
        options = {model: {"fault": fault}} if fault else None
        fixed = {"executor": executor, "protocol": tiny, "device": "cpu", "options": options}
        arguments = {"results": tmp_path / "results", **arguments}
        return genbench.run(model, **fixed, **arguments)[0]

    return run


def test_a_worker_gives_the_scores_that_this_process_gives(
    run_in: Any, tiny: Protocol, tmp_path: Path
) -> None:
    there = run_in("toy-ae")
    here = genbench.run("toy-ae", protocol=tiny, results=tmp_path / "here", device="cpu")[0]
    for one, other in zip(there.rows, here.rows, strict=True):
        assert one["value"] == other["value"] or one["hardware"]


def test_the_worker_stays_warm_from_run_to_run(run_in: Any, executor: LocalExecutor) -> None:
    run_in("toy-ae", seeds=[1])
    worker = executor._slots[0].worker
    run_in("toy-ae", seeds=[2])
    assert executor._slots[0].worker is worker is not None


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("exits", "ended by itself, with exit code 3"),
        ("is-killed", "was ended by SIGKILL. The system may have run out of memory"),
    ],
)
def test_a_worker_that_dies_takes_only_its_run_with_it(
    run_in: Any, fault: str, reason: str
) -> None:
    dead = run_in("toy-faulty", fault)
    assert dead.status == "failed"
    assert reason in str(dead.reason)
    assert dead.rows[-1]["status"] == "failed"
    assert reason in (dead.folder / "log.txt").read_text()
    assert run_in("toy-ae").status == "ok"


def test_scores_of_a_run_whose_worker_died_stay(run_in: Any) -> None:
    dead = run_in("toy-faulty", "exits-late")
    kept = {(row["split"], row["fraction"]) for row in dead.rows if row["value"] is not None}
    assert kept == {("validation", 0.5)}
    assert dead.rows[-1]["device"] == "cpu"


def test_what_was_printed_before_a_crash_is_in_the_log(run_in: Any) -> None:
    log = (run_in("toy-faulty", "crashes").folder / "log.txt").read_text()
    assert "last words" in log
    assert "Fatal Python error: Segmentation fault" in log
    assert "in train_step" in log


def test_a_run_that_takes_too_long_is_timed_out_with_its_stack_in_the_log(run_in: Any) -> None:
    result = run_in("toy-faulty", "hangs", timeout_seconds=3)
    assert result.status == "timed-out"
    assert "longer than the 3 s of --timeout" in str(result.reason)
    assert "in train_step" in (result.folder / "log.txt").read_text()
    assert run_in("toy-ae").status == "ok"


def test_a_timeout_holds_also_when_the_plugin_has_forked(run_in: Any) -> None:
    # The child has the worker's pipe open, too.
    assert run_in("toy-faulty", "forks-and-hangs", timeout_seconds=3).status == "timed-out"
    assert run_in("toy-ae").status == "ok"


@pytest.mark.parametrize("fault", ["changes-directory", "changes-dtype", "closes-stdout"])
def test_what_a_plugin_does_to_its_process_is_no_business_of_the_next_run(
    run_in: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.chdir(tmp_path)
    first = run_in("toy-faulty", fault, results="here")
    assert first.folder.is_relative_to(tmp_path / "here")
    assert (tmp_path / "here" / "leaderboard" / f"{first.run_id}.parquet").exists()
    second = run_in("toy-ae", results="here")
    assert second.status == "ok", second.reason


def test_a_plugin_that_reads_standard_input_does_not_hang(run_in: Any) -> None:
    result = run_in("toy-faulty", "reads-stdin")
    assert result.status == "failed"
    assert "A run in a worker has no terminal: use --pdb" in str(result.reason)


def test_what_lies_in_the_current_folder_is_not_imported(
    tmp_path: Path, tiny: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "queue.py").write_text("raise RuntimeError('the wrong queue')")
    monkeypatch.chdir(tmp_path)
    local = LocalExecutor()
    try:
        result = genbench.run("toy-ae", executor=local, protocol=tiny, device="cpu")[0]
    finally:
        local.close()
    assert result.status == "ok"


def test_a_plugin_that_ends_the_process_on_import_fails_by_itself(
    run_in: Any, tmp_path: Path
) -> None:
    path = tmp_path / "exits.py"
    path.write_text("import os; os._exit(4)")
    result = run_in(f"{path}:Exits")
    assert result.status == "failed"
    assert "exit code 4" in str(result.reason)
    assert run_in("toy-ae").status == "ok"


def test_a_wrong_option_is_a_usage_error_before_anything_runs(run_in: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'fault' .* not 'nonsense'"):
        run_in("toy-faulty", "nonsense")
    assert not (tmp_path / "results").exists()


def test_what_a_plugin_prints_goes_to_the_log(run_in: Any) -> None:
    result = run_in("toy-faulty", "prints")
    assert "hello from the plugin" in (result.folder / "log.txt").read_text()


def test_listeners_hear_of_it_on_this_side(run_in: Any) -> None:
    heard: list[str] = []

    class Ear:
        @hookimpl
        def progressed(self, images: int, losses: dict[str, float]) -> None:
            heard.append(f"{images} {sorted(losses)}")

        @hookimpl
        def run_ended(self, status: str, folder: Path) -> None:
            heard.append(f"{status} {folder.is_dir()}")

    run_in("toy-ae", seeds=[5], listeners=[Ear()])
    assert heard == [
        "200 ['autoencoder', 'reconstruction']",
        "400 ['autoencoder', 'reconstruction']",
        "ok True",
    ]


def test_ctrl_c_before_the_first_run_runs_nothing(
    tmp_path: Path, begin: Callable[..., subprocess.Popen[str]]
) -> None:
    process = begin("--model", "toy-ae")
    time.sleep(0.8)  # the worker is importing torch, which takes longer
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in err + out
    assert not list(tmp_path.glob("results/runs/*"))


def test_ctrl_c_ends_an_import_that_hangs(tmp_path: Path, tiny_file: Path) -> None:
    (tmp_path / "hangs.py").write_text("import time\nopen('importing', 'w')\ntime.sleep(600)\n")
    arguments = f"run --model hangs.py:Model --protocol {tiny_file} --device cpu".split()
    process = subprocess.Popen(
        [sys.executable, "-m", "genbench", *arguments],
        cwd=tmp_path,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "importing").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Traceback" not in err


def test_a_run_that_another_process_is_at_is_left_to_it_and_the_rest_go_on(
    tiny: Protocol, tmp_path: Path
) -> None:
    request = plan.requests(models=["toy-ae"], protocol=tiny, seeds=[0], settings={})[0]
    run_id = plan.resolve(request).run_id
    locks = tmp_path / "results" / "runs" / ".locks"
    locks.mkdir(parents=True)
    with FileLock(locks / f"{run_id}.lock"):
        first, second = genbench.run(
            "toy-ae", seeds=[0, 1], protocol=tiny, results=tmp_path / "results", device="cpu"
        )
    assert (first.status, second.status) == ("running", "ok")
    assert str(first.reason).startswith("Another process is running it, in ")
