"""Runs on a CUDA device: the same code, the same promises."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import genbench
from genbench import plan, runner
from genbench.api import Result
from genbench.data import Order, load
from genbench.executors.local import LocalExecutor
from genbench.hookspecs import hookimpl
from genbench.protocol import Protocol
from genbench.train import Trainer

pytestmark = pytest.mark.cuda

Run = Callable[..., Result]


@pytest.mark.parametrize("model", ["toy-ae", "toy-mean"])
def test_a_run_on_cuda_is_ok_and_says_where_it_was_made(run: Run, model: str) -> None:
    result = run(model, device="cuda")
    assert result.status == "ok", result.reason
    row = result.rows[0]
    assert row["device"] == "cuda"
    assert row["device_name"] == torch.cuda.get_device_name()
    assert row["driver"]


def test_auto_takes_the_cuda_device(run: Run) -> None:
    assert run("toy-ae", device="auto").rows[0]["device"] == "cuda"


@pytest.mark.parametrize("model", ["toy-ae", "ae-gan"])
def test_the_same_run_gives_the_same_bits(run: Run, tmp_path: Path, model: str) -> None:
    first = run(model, device="cuda", results=tmp_path / "a")
    second = run(model, device="cuda", results=tmp_path / "b")
    assert first.status == second.status == "ok"
    for one, other in zip(first.rows, second.rows, strict=True):
        assert one["value"] == other["value"] or one["hardware"], one["score"]


def test_the_order_of_the_data_is_that_of_the_cpu() -> None:
    here, there = (Order(10, 3, torch.device(device)) for device in ("cpu", "cuda"))
    for _ in range(4):
        assert torch.equal(here.draw(7), there.draw(7).cpu())


def test_a_model_trained_on_cuda_loads_on_the_cpu(run: Run) -> None:
    model = genbench.load(run("toy-ae", device="cuda").folder, device="cpu")
    assert next(model.parameters()).device.type == "cpu"


def test_nothing_in_the_loop_waits_for_the_device(
    tiny: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    request: Any = plan.requests(models=["ae-gan"], protocol=tiny, seeds=[0], settings={})[0]
    spec = plan.resolve(request)
    device = torch.device("cuda", 0)
    loaded = load(spec.dataset.name, spec.dataset.make(), device)
    model = runner.make_model(spec, loaded.spec, device)
    trainer = Trainer(model, loaded.train, tiny, 0)
    trainer.read_losses = lambda: None  # type: ignore[method-assign]

    def train_step() -> None:
        batch = loaded.train.take(trainer.order.draw(20))
        model.train_step(batch, trainer.step)
        stepped = list(trainer.step.updates)
        trainer.average.update(stepped, trainer.step.images + 20, trainer.step.charge(20))

    # The first steps set up what later ones use: optimizer states, handles, pinned memory.
    for _ in range(4):
        train_step()
    torch.cuda.set_sync_debug_mode("error")
    try:
        # Past the end of an epoch of 60, too: an order that is new is copied without waiting.
        for _ in range(8):
            train_step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_out_of_memory_is_a_status_of_its_own_and_the_next_run_is_ok(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "greedy.py"
    path.write_text(
        "import torch\nfrom genbench_toys.autoencoder import Autoencoder\n"
        "class Greedy(Autoencoder):\n"
        "    def train_step(self, batch, step):\n"
        "        torch.empty(2**50, device=batch.x.device)\n"
    )
    result = run(f"{path}:Greedy", device="cuda")
    assert result.status == "out-of-memory"
    assert run("toy-ae", device="cuda").status == "ok"


class Stop:
    """Ctrl-C, once it has been measured."""

    @hookimpl
    def evaluated(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


def test_a_run_that_was_cut_short_goes_on_with_the_same_bits(run: Run, tmp_path: Path) -> None:
    alone = run("ae-gan", device="cuda", results=tmp_path / "alone")
    with pytest.raises(KeyboardInterrupt):
        run("ae-gan", device="cuda", listeners=[Stop()])
    again = run("ae-gan", device="cuda")
    assert "It goes on at" in (again.folder / "log.txt").read_text()
    scores = [
        [(row["score"], row["split"], row["weights"], row["value"]) for row in result.rows
         if not row["hardware"]]
        for result in (alone, again)
    ]  # fmt: skip
    assert scores[0] == scores[1]


def test_two_workers_share_a_device_and_give_the_rows_of_one(
    tiny: Protocol, tmp_path: Path
) -> None:
    found = []
    for jobs in (1, 2):
        executor = LocalExecutor()
        try:
            results = genbench.run(
                "toy-ae", seeds=2, protocol=tiny, device="cuda:0", jobs=jobs, executor=executor,
                results=tmp_path / str(jobs),
            )  # fmt: skip
        finally:
            executor.close()
        assert [result.status for result in results] == ["ok", "ok"]
        found.append(
            [(row["run_id"], row["score"], row["split"], row["weights"], row["value"])
             for result in results for row in result.rows if not row["hardware"]]
        )  # fmt: skip
    assert found[0] == found[1]


def test_a_sound_model_has_no_finding_on_a_cuda_device() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "genbench", "check", "ae-gan"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
