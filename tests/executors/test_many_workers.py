"""Several runs at once: each in a worker of its own, none in another's way."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import genbench
from genbench import status
from genbench.executors.local import LocalExecutor
from genbench.leaderboard import store
from genbench.protocol import Protocol

TIMEOUT_SECONDS = 5

FAULTS = {
    "none": ("ok", ""),
    "raises-in-constructor": ("failed", "KeyError"),
    "raises-in-step": ("failed", "RuntimeError: the sky fell"),
    "raises-in-sample": ("failed", "RuntimeError: no samples today"),
    "sample-shape": ("failed", "sample(25) was asked for float32 (25, 1, 8, 8)"),
    "sample-nan": ("failed", "values are NaN or infinite"),
    "reconstruction-shape": ("failed", "reconstruct(x) was asked for float32"),
    "reconstruction-nan": ("failed", "values are NaN or infinite"),
    "diverges": ("diverged", "The loss 'reconstruction' was inf"),
    "hangs": ("timed-out", "It took longer than the 5 s of --timeout"),
    "hangs-in-c": ("timed-out", "It took longer than the 5 s of --timeout"),
    "hangs-in-sample": ("timed-out", "It took longer than the 5 s of --timeout"),
    "forks-and-hangs": ("timed-out", "It took longer than the 5 s of --timeout"),
    "exits": ("failed", "The worker process ended by itself, with exit code 3"),
    "crashes": ("failed", "The worker process was ended by SIGSEGV"),
    "is-killed": ("failed", "The worker process was ended by SIGKILL"),
    "eats-memory": ("out-of-memory", "can't allocate memory"),
    "prints-megabytes": ("ok", ""),
    "leaves-a-child": ("ok", ""),
    "reseeds": ("ok", ""),
    "changes-dtype": ("failed", "RuntimeError: mat1 and mat2 must have the same dtype"),
    "changes-directory": ("ok", ""),
    "closes-stdout": ("ok", ""),
    "reads-stdin": ("failed", "EOFError"),
}


def test_whatever_plugins_do_each_is_named_and_all_other_runs_finish(
    tiny_file: Path, tmp_path: Path
) -> None:
    """One command, two workers, every fault, and a good model between them."""
    faults = [f"--set=toy-faulty.fault={fault}" for fault in FAULTS]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "genbench", "run", "--model", "toy-faulty", "--model"),
            *("toy-ae", *faults, "--set=toy-ae.width=8", "--set=toy-ae.width=9", "--jobs", "2"),
            *("--protocol", str(tiny_file), "--device", "cpu", "--timeout", str(TIMEOUT_SECONDS)),
            *("--quiet", "--format", "json"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        # Virtual memory, of which torch alone takes a good deal; nothing is touched.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2**36, 2**36)),
    )
    assert done.returncode == 1, done.stderr
    ended = {}
    for outcome in json.loads(done.stdout):
        row = outcome["rows"][-1]
        fault = json.loads(row["model_options"]).get("fault", "toy-ae")
        ended.setdefault(fault, []).append((outcome["status"], str(outcome["reason"])))
        if outcome["status"] != "ok":
            assert (row["status"], row["reason"]) == (outcome["status"], outcome["reason"])
    assert [state for state, _ in ended.pop("toy-ae")] == ["ok", "ok"]
    wrong = {
        fault: ended.get(fault)
        for fault, (state, reason) in FAULTS.items()
        if len(ended.get(fault, [])) != 1
        or ended[fault][0][0] != state
        or reason not in ended[fault][0][1]
    }
    assert not wrong
    logs = [path.read_text(errors="replace") for path in tmp_path.glob("results/runs/*/log.txt")]
    stacks = [log for log in logs if "Fatal Python error: Aborted" in log]
    assert len(stacks) == 4
    assert all("faulty.py" in log.partition("Fatal Python error")[2] for log in stacks)
    (long,) = (log for log in logs if "bytes are left out here" in log)
    assert "first words" in long
    assert "last words" in long
    assert len(long) < 3 * 2**20
    named = psutil.process_iter(["cmdline"])
    left = [p for p in named if str(tmp_path) in " ".join(p.info["cmdline"] or [])]
    assert not left


@pytest.fixture
def executor() -> Iterator[LocalExecutor]:
    local = LocalExecutor()
    yield local
    local.close()


def test_one_worker_and_two_give_identical_rows_in_any_order(
    executor: LocalExecutor, tiny: Protocol, tmp_path: Path
) -> None:
    def rows(models: list[str], jobs: int) -> list[Any]:
        results = tmp_path / f"{models[0]}-{jobs}"
        arguments: dict[str, Any] = {
            "protocol": tiny,
            "seeds": [2, 0, 1][:: 1 if jobs == 2 else -1],
        }
        genbench.run(
            models, executor=executor, jobs=jobs, results=results, device="cpu", **arguments
        )
        found = store.rows_of(store.read(results / "leaderboard"))
        return sorted(
            repr({k: v for k, v in row.items() if k not in ("created", "runs_per_device")})
            for row in found
            if not row["hardware"]
        )

    alone = rows(["toy-ae", "toy-mean"], jobs=1)
    assert rows(["toy-mean", "toy-ae"], jobs=2) == alone
    assert len(alone) > 60


def test_rows_of_the_hardware_say_how_many_runs_shared_the_device(
    executor: LocalExecutor, tiny: Protocol, tmp_path: Path
) -> None:
    found = {
        jobs: genbench.run(
            "toy-ae", executor=executor, jobs=jobs, protocol=tiny, seeds=[0], device="cpu",
            results=tmp_path / str(jobs),
        )[0].rows[0]["runs_per_device"]
        for jobs in (1, 2)
    }  # fmt: skip
    assert found == {1: 1, 2: 2}


def test_runs_that_train_the_same_are_trained_once_also_by_two_workers(
    executor: LocalExecutor, tiny: Protocol, tmp_path: Path
) -> None:
    for metrics in (["toy-error"], ["toy-distance"]):
        found = genbench.run(
            "toy-ae", executor=executor, jobs=2, protocol=tiny, seeds=[0, 1], device="cpu",
            metrics=metrics, results=tmp_path / "results",
        )  # fmt: skip
    assert all(
        json.loads((result.folder / "run.json").read_text())["trained_in"] for result in found
    )


def test_a_worker_that_died_is_replaced_and_the_others_stay(
    executor: LocalExecutor, tiny: Protocol, tmp_path: Path
) -> None:
    def run(model: str, **options: Any) -> list[str]:
        found = genbench.run(
            model, executor=executor, jobs=2, protocol=tiny, seeds=[0, 1], device="cpu",
            options={model: options}, results=tmp_path / "results",
        )  # fmt: skip
        return [result.status for result in found]

    assert run("toy-ae") == ["ok", "ok"]
    before = [slot.worker for slot in executor._slots]
    assert run("toy-faulty", fault="exits") == ["failed", "failed"]
    assert run("toy-ae", width=5) == ["ok", "ok"]
    assert all(before)
    assert not {id(worker) for worker in before} & {id(slot.worker) for slot in executor._slots}


def test_a_worker_that_is_killed_while_it_has_nothing_to_do_fails_no_run(
    executor: LocalExecutor, tiny: Protocol, tmp_path: Path
) -> None:
    def run(seed: int) -> str:
        return genbench.run(
            "toy-ae", executor=executor, protocol=tiny, seeds=[seed], device="cpu",
            results=tmp_path / "results",
        )[0].status  # fmt: skip

    assert run(0) == "ok"
    # Other tests of this process may have left children that have ended, and nobody waited for.
    (worker,) = (
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "genbench.executors.worker" in child.cmdline()
    )
    worker.kill()
    worker.wait(timeout=10)
    assert run(1) == "ok"


FAILS_ONCE_THE_OTHER_TRAINS = """
import time
from pathlib import Path
from genbench_toys.autoencoder import Autoencoder
class Late(Autoencoder):
    def train_step(self, batch, step):
        while not any(len(path.read_text().splitlines()) > 1
                      for path in Path("results/runs").glob("toy-ae-*/curve.csv")):
            time.sleep(0.05)
        raise RuntimeError("now")
"""


def test_the_first_failure_ends_the_command_and_what_was_under_way_is_saved(
    begin: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    (tmp_path / "late.py").write_text(FAILS_ONCE_THE_OTHER_TRAINS)
    process = begin("--model", "toy-ae", "--model", "late.py:Late", "--jobs", "2", "-x")
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    (one,) = status.commands(tmp_path / "results")
    assert sorted(run["state"] for run in one.runs.values()) == ["failed", "interrupted"]
    assert list(tmp_path.glob("results/runs/toy-ae-*/training-*.safetensors"))
    assert "The same command goes on where this one stopped" in out
