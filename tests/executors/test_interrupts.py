"""Ctrl-C and SIGTERM: what is under way is saved and ended; asked again, it ends at once."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from genbench.leaderboard import store

Begin = Callable[..., subprocess.Popen[str]]

HANGING = """
import time
from genbench_toys.autoencoder import Autoencoder
class Hanging(Autoencoder):
    def train_step(self, batch, step):
        if step.index == 40:
            open("hanging", "w").close()
            time.sleep(3600)
        return super().train_step(batch, step)
"""


def wait_for(tmp_path: Path, pattern: str, count: int = 1) -> None:
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob(pattern))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def lines_of(path: Path) -> int:
    return len(path.read_text().splitlines())


def wait_until_it_trains(tmp_path: Path, runs: int) -> None:
    """Until every run has told of its losses once: they are in its curve, below its head."""
    wait_for(tmp_path, "results/runs/*/curve.csv", runs)
    deadline = time.monotonic() + 120
    while any(lines_of(path) < 2 for path in tmp_path.glob("results/runs/*/curve.csv")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def assert_gone(processes: list[psutil.Process], seconds: float = 5) -> None:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    assert not alive, "an orphan"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_is_under_way_is_saved_and_ended_and_the_command_that_goes_on_is_shown(
    tmp_path: Path, tiny_file: Path, begin: Begin, number: signal.Signals
) -> None:
    process = begin("--model", "toy-ae", "--seeds", "3", "--jobs", "2")
    wait_until_it_trains(tmp_path, runs=2)
    children = descendants(process)
    asked = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - asked < 30
    assert process.returncode == 1
    assert_gone(children)
    assert "Saving and ending; once more ends at once." in err
    assert "1 of 3 runs were not begun" in out
    assert f"goes on where this one stopped:\n  genbench run --protocol {tiny_file}" in out
    rows = store.rows_of(store.read(tmp_path / "results" / "leaderboard"))
    assert [row["status"] for row in rows] == ["interrupted", "interrupted"]
    assert len(list(tmp_path.glob("results/runs/*/training-*.safetensors"))) == 2
    assert "Traceback" not in out + err


def test_a_second_ctrl_c_ends_at_once_whatever_a_plugin_is_at(tmp_path: Path, begin: Begin) -> None:
    (tmp_path / "hanging.py").write_text(HANGING)
    process = begin("--model", "hanging.py:Hanging")
    wait_for(tmp_path, "hanging")
    children = descendants(process)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None, "it waits for the plugin, which may be about to end its step"
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - asked < 5
    assert_gone(children)
    assert "Ending at once." in err
    assert "It was interrupted, and ended at once." in err
    assert "Traceback" not in err


def test_a_plugin_that_hangs_keeps_ctrl_c_no_longer_than_there_is_to_save(
    tmp_path: Path, begin: Begin
) -> None:
    (tmp_path / "hanging.py").write_text(HANGING)
    process = begin("--model", "hanging.py:Hanging", "--checkpoint-every", "0")
    wait_for(tmp_path, "hanging")
    children = descendants(process)
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    process.communicate(timeout=60)
    assert time.monotonic() - asked < 30
    assert_gone(children)
    # What was saved before it hung is there to go on from.
    assert len(list(tmp_path.glob("results/runs/*/training-*.safetensors"))) == 1


def test_sigterm_to_a_worker_alone_saves_and_ends_its_run(tmp_path: Path, begin: Begin) -> None:
    process = begin("--model", "toy-ae")
    wait_until_it_trains(tmp_path, runs=1)
    (worker,) = descendants(process)
    worker.terminate()
    out, _ = process.communicate(timeout=60)
    assert "interrupted" in out
    assert len(list(tmp_path.glob("results/runs/*/training-*.safetensors"))) == 1


def test_workers_end_when_their_command_is_killed(tmp_path: Path, begin: Begin) -> None:
    process = begin("--model", "toy-ae", "--seeds", "2", "--jobs", "2")
    wait_until_it_trains(tmp_path, runs=2)
    children = descendants(process)
    assert len(children) == 2
    process.kill()
    process.communicate()
    assert_gone(children)


def test_a_child_of_a_plugin_is_no_orphan_either(tmp_path: Path, begin: Begin) -> None:
    process = begin("--model", "toy-faulty", "--set", "toy-faulty.fault=leaves-a-child")
    wait_until_it_trains(tmp_path, runs=1)
    children = descendants(process)
    assert len(children) == 2
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=60)
    assert_gone(children)


def test_a_terminal_that_was_closed_costs_no_training(tmp_path: Path, tiny_file: Path) -> None:
    text = tiny_file.read_text().replace("images = 400", "images = 40_000_000")
    tiny_file.write_text(text)
    terminal, side = pty.openpty()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "genbench", "run", "--model", "toy-ae", "--device", "cpu"),
            *("--protocol", str(tiny_file)),
        ],
        cwd=tmp_path,
        stdin=side,
        stdout=side,
        stderr=side,
    )
    os.close(side)
    reader = threading.Thread(target=drain, args=(terminal,), daemon=True)
    reader.start()
    wait_until_it_trains(tmp_path, runs=1)
    children = psutil.Process(process.pid).children(recursive=True)
    os.close(terminal)
    process.send_signal(signal.SIGHUP)
    process.wait(timeout=60)
    assert_gone(children)
    assert len(list(tmp_path.glob("results/runs/*/training-*.safetensors"))) == 1
    (record,) = tmp_path.glob("results/runs/*/run.json")
    assert '"status": "interrupted"' in record.read_text()


def drain(terminal: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(terminal, 4096):
            pass


def test_a_signal_to_every_process_at_once_saves_what_is_under_way(
    tmp_path: Path, begin: Begin
) -> None:
    process = begin("--model", "toy-ae")
    wait_until_it_trains(tmp_path, runs=1)
    for one in (*descendants(process), psutil.Process(process.pid)):
        one.terminate()
    process.communicate(timeout=60)
    assert len(list(tmp_path.glob("results/runs/*/training-*.safetensors"))) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="a pipe's end sends no signal here")
def test_a_worker_that_hangs_in_c_ends_when_its_command_is_killed(
    tmp_path: Path, begin: Begin
) -> None:
    (tmp_path / "stuck.py").write_text(
        "import ctypes\n"
        "from genbench_toys.autoencoder import Autoencoder\n"
        "class Stuck(Autoencoder):\n"
        "    def train_step(self, batch, step):\n"
        "        open('hanging', 'w').close()\n"
        "        ctypes.PyDLL(None).sleep(3600)  # with the interpreter's lock held\n"
    )
    process = begin("--model", "stuck.py:Stuck")
    wait_for(tmp_path, "hanging")
    time.sleep(0.2)
    children = descendants(process)
    process.kill()
    process.communicate()
    assert_gone(children)
