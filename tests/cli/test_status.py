"""``genbench status``: the truth, from another terminal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genbench import status
from genbench.files import locked

Command = Callable[..., subprocess.CompletedProcess[str]]
Begin = Callable[..., subprocess.Popen[str]]


def states(command: Command) -> list[Any]:
    done = command("status", "--format", "json")
    assert done.returncode == 0, done.stderr
    return [
        (one["alive"], {run_id[-15:-13]: run for run_id, run in one["runs"].items()})
        for one in json.loads(done.stdout)
    ]


def wait_for_speed(command: Command) -> Any:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        for alive, runs in states(command):
            if alive and any("images_per_second" in run for run in runs.values()):
                return runs
        time.sleep(0.2)
    raise AssertionError("it never trained")


def test_status_tells_running_from_queued_and_the_dead_from_the_living(
    command: Command, begin: Begin
) -> None:
    process = begin("--model", "toy-ae", "--seeds", "2")
    try:
        runs = wait_for_speed(command)
        running, queued = sorted(runs.values(), key=lambda run: run["state"], reverse=True)
        assert (running["state"], queued["state"]) == ("running", "queued")
        assert running["doing"] == "training"
        assert 0 < running["images"] < running["budget"]
        expected = (running["budget"] - running["images"]) / running["images_per_second"]
        assert abs(running["eta_seconds"] - expected) < 1
        text = command("status").stdout
        assert "1 running, 1 queued" in text
        assert f"process {process.pid} on" in text
    finally:
        process.kill()
        process.communicate()
    ((alive, runs),) = states(command)
    assert not alive
    assert sorted(run["state"] for run in runs.values()) == ["cut short", "not begun"]
    text = command("status").stdout
    assert "is over" in text
    assert "The same command goes on where it stopped:\n  genbench run --protocol" in text


def test_status_after_the_end_tells_how_runs_ended_and_why(
    command: Command, tiny_file: Path
) -> None:
    command("run", "--model", "toy-faulty", "--model", "toy-mean", "--protocol", tiny_file,
            "--set", "toy-faulty.fault=raises-in-step", "--device", "cpu")  # fmt: skip
    text = command("status").stdout
    assert "1 failed, 1 ok" in text
    assert "RuntimeError: the sky fell [bold]hard[/bold]" in text


def test_status_of_an_interrupted_command_is_the_truth(command: Command, begin: Begin) -> None:
    process = begin("--model", "toy-ae", "--seeds", "2")
    wait_for_speed(command)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    ((alive, runs),) = states(command)
    assert not alive
    assert sorted(run["state"] for run in runs.values()) == ["interrupted", "not begun"]


def test_status_of_nothing_says_so(command: Command) -> None:
    done = command("status")
    assert done.returncode == 0
    assert "No genbench run has been started in results." in done.stdout
    assert json.loads(command("status", "--format", "json").stdout) == []


def test_status_loads_no_torch(tmp_path: Path) -> None:
    program = (
        "import sys; sys.argv = ['genbench', 'status']\n"
        "from genbench.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert not {"torch", "pyarrow", "numpy"} & set(done.stdout.split())


def test_two_who_look_at_a_dead_command_do_not_take_each_other_for_it(tmp_path: Path) -> None:
    path = tmp_path / "20260101-1.json"
    path.with_suffix(".lock").touch()
    alive: list[bool] = []

    def look() -> None:
        alive.extend(status._is_alive(path) for _ in range(2000))

    lookers = [threading.Thread(target=look) for _ in range(4)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()
    assert not any(alive)
    with locked(path.with_suffix(".lock"), exclusive=True):
        assert status._is_alive(path)
