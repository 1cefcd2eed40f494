"""A run that was cut short goes on, and ends with the very bits that it would have had."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import genbench
from genbench import checkpoint, environment
from genbench.api import Result
from genbench.checkpoint import TrainingCheckpoints
from genbench.hookspecs import hookimpl
from genbench.leaderboard import store
from genbench.leaderboard.rows import digest
from genbench.protocol import Protocol
from genbench.run_state import RunState

SOURCE = """
from collections.abc import Mapping
import random
import numpy, torch
from genbench_toys.autoencoder import Autoencoder

class Rich(Autoencoder):
    '''Two optimizers of different kinds, a buffer, every global stream, a trunk under two names.'''
    def __init__(self, data, *, optimizer: str = "adam"):
        super().__init__(data)
        self.kind = optimizer
        self.trunk = self.encoder[1]
        self.register_buffer("balance", torch.zeros(()))
        self.to(memory_format=torch.preserve_format)

    def optimizers(self):
        first = {
            "adam": lambda p: torch.optim.Adam(p, lr=1e-2),
            "sgd": lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9),
            "lbfgs": lambda p: torch.optim.LBFGS(p, lr=1e-2, max_iter=2),
            "rmsprop": lambda p: torch.optim.RMSprop(p, lr=1e-3, centered=True),
            "nadam": lambda p: torch.optim.NAdam(p, lr=1e-3),
        }[self.kind]
        self.kept = {
            "encoder": torch.optim.AdamW(self.encoder.parameters(), lr=1e-2),
            "decoder": first(list(self.decoder.parameters())),
        }
        return self.kept

    def train_step(self, batch, step):
        noise = random.random() + numpy.random.rand()
        x = batch.x * (1 + 0.01 * noise)
        code = self.encoder(x) + 0.01 * torch.randn(len(x), 2)
        loss = ((self.decoder(code) - batch.x) ** 2).mean()
        for group in self.kept["encoder"].param_groups:
            group["lr"] = 1e-2 * (1 - 0.5 * step.progress)
        if self.kind == "lbfgs":
            step(encoder=loss)
        else:
            step(encoder=loss, decoder=loss)
        with torch.no_grad():
            self.balance += loss.detach()
        return {"reconstruction": loss}
"""


class Stop:
    """Ctrl-C, at the n-th event that a listener hears."""

    def __init__(self, at: int) -> None:
        self.left = at

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)

    @hookimpl
    def progressed(self, images: int) -> None:
        self._count()

    @hookimpl
    def evaluated(self, fraction: float) -> None:
        self._count()


@pytest.fixture
def rich(tmp_path: Path) -> str:
    path = tmp_path / "rich.py"
    path.write_text(SOURCE)
    return f"{path}:Rich"


@pytest.fixture
def long(tiny: Protocol) -> Protocol:
    """Losses are read five times, between them three evaluations on the way."""
    changed = tiny.model_dump()
    changed["training"]["images"] = 9_000
    changed["evaluation"]["points"] = (0.3, 0.55, 1.0)
    return Protocol.model_validate(changed)


def interrupted(run: Callable[..., Result], *arguments: Any, **named: Any) -> Path:
    """Run something that is interrupted; return the folder of what was under way."""
    with pytest.raises(KeyboardInterrupt):
        run(*arguments, **named)
    (folder,) = (
        path.parent
        for path in sorted(_RESULTS[0].glob("runs/*/run.json"))
        if json.loads(path.read_text())["status"] == "interrupted"
    )
    return folder


_RESULTS: list[Path] = []


@pytest.fixture(autouse=True)
def _results(tmp_path: Path) -> None:
    _RESULTS[:] = [tmp_path / "results"]


def everything(
    result: Result,
) -> tuple[dict[str, torch.Tensor], list[tuple[Any, ...]], list[Any]]:
    """The final weights, and all that rows and the remembered curve say of a run but times and the
    hardware."""
    record = (result.folder / "run.json").read_text()
    sha256 = record.partition('"checkpoint_sha256": "')[2].partition('"')[0]
    content = checkpoint.load(result.folder / "checkpoint.safetensors", sha256)
    scores = [
        (row["split"], row["fraction"], row["images"], row["weights"], row["score"],
         row["value"], row["error"], row["status"], row["key"])
        for row in result.rows
        if not row["hardware"]
    ]  # fmt: skip
    hardware = {row["score"] for row in result.rows if row["hardware"]}
    remembered = [
        point._replace(seconds=0.0)
        for point in RunState.of(content).history.curve
        if point.name not in hardware
    ]
    return dict(content.tensors), scores, remembered


def same(one: Result, other: Result) -> bool:
    weights, scores, remembered = everything(one)
    other_weights, other_scores, other_remembered = everything(other)
    return (
        scores == other_scores
        and remembered == other_remembered
        and weights.keys() == other_weights.keys()
        and all(torch.equal(weights[name], other_weights[name]) for name in weights)
    )


def curve(result: Result) -> list[str]:
    """The lines of ``curve.csv`` but those of the hardware."""
    hardware = {row["score"] for row in result.rows if row["hardware"]}
    lines = (result.folder / "curve.csv").read_text().splitlines()
    return [line for line in lines if line.split(",")[3] not in hardware]


@pytest.mark.parametrize("event", range(1, 13))
def test_a_run_that_is_interrupted_anywhere_ends_with_the_same_bits(
    run: Callable[..., Result], rich: str, long: Protocol, event: int, tmp_path: Path
) -> None:
    alone = run(rich, protocol=long, results=tmp_path / "alone")
    interrupted(run, rich, protocol=long, listeners=[Stop(event)])
    again = run(rich, protocol=long)
    assert again.status == "ok"
    assert same(alone, again)
    assert "goes on" in (again.folder / "log.txt").read_text()
    assert curve(alone) == curve(again)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "nadam"])
def test_every_optimizer_goes_on(
    run: Callable[..., Result], rich: str, long: Protocol, optimizer: str, tmp_path: Path
) -> None:
    options = {"Rich": {"optimizer": optimizer}}
    alone = run(rich, protocol=long, results=tmp_path / "alone", options=options)
    for event in (2, 3, 4):
        interrupted(run, rich, protocol=long, options=options, listeners=[Stop(event)])
    assert same(alone, run(rich, protocol=long, options=options))


def test_a_run_that_is_saved_after_every_step_gives_the_same_bits(
    run: Callable[..., Result], rich: str, tmp_path: Path
) -> None:
    alone = run(rich, results=tmp_path / "alone")
    assert same(alone, run(rich, checkpoint_seconds=0))


def test_a_finished_run_keeps_no_training_checkpoint(run: Callable[..., Result]) -> None:
    result = run("toy-ae", checkpoint_seconds=0)
    assert not list(result.folder.glob("training-*"))


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_taken(
    run: Callable[..., Result], long: Protocol, tmp_path: Path
) -> None:
    alone = run("toy-ae", protocol=long, results=tmp_path / "alone")
    folder = interrupted(run, "toy-ae", protocol=long, listeners=[Stop(3)])
    (whole,) = folder.glob("training-*")
    damaged = folder / "training-000009-0123456789abcdef.safetensors"
    damaged.write_bytes(whole.read_bytes()[:-1])
    again = run("toy-ae", protocol=long)
    log = (again.folder / "log.txt").read_text()
    assert f"The checkpoint {damaged} is damaged or was replaced" in log
    assert "It goes on at" in log
    assert same(alone, again)


def test_a_run_whose_checkpoints_are_all_damaged_begins_anew(
    run: Callable[..., Result], long: Protocol, tmp_path: Path
) -> None:
    alone = run("toy-ae", protocol=long, results=tmp_path / "alone")
    folder = interrupted(run, "toy-ae", protocol=long, listeners=[Stop(3)])
    for path in folder.glob("training-*"):
        path.write_bytes(b"")
    again = run("toy-ae", protocol=long)
    assert same(alone, again)
    assert curve(alone) == curve(again)


def test_another_machine_does_not_go_on_with_a_run(
    run: Callable[..., Result], long: Protocol, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    alone = run("toy-ae", protocol=long, results=tmp_path / "alone")
    with monkeypatch.context() as patched:
        patched.setattr(environment, "_cpu_name", lambda: "another machine")
        interrupted(run, "toy-ae", protocol=long, listeners=[Stop(3)])
    again = run("toy-ae", protocol=long)
    log = (again.folder / "log.txt").read_text()
    assert "made elsewhere (device_name another machine, here" in log
    assert same(alone, again)


def test_fresh_begins_from_nothing_but_goes_on_if_it_was_cut_short_itself(
    run: Callable[..., Result], long: Protocol
) -> None:
    def resumed(**arguments: Any) -> bool:
        result = run("toy-ae", protocol=long, **arguments)
        return "It goes on at" in (result.folder / "log.txt").read_text()

    interrupted(run, "toy-ae", protocol=long, listeners=[Stop(3)])
    folder = interrupted(run, "toy-ae", protocol=long, fresh=True, listeners=[Stop(3)])
    assert "It goes on at" not in (folder / "log.txt").read_text()
    assert resumed(fresh=True)
    assert not resumed(fresh=True)


def test_a_fresh_run_that_is_to_replace_a_good_one_goes_on_too(
    run: Callable[..., Result], long: Protocol
) -> None:
    good = run("toy-ae", protocol=long)
    with pytest.raises(KeyboardInterrupt):
        run("toy-ae", protocol=long, fresh=True, listeners=[Stop(3)])
    assert run("toy-ae", protocol=long).status == "ok", "the good one is still there"
    again = run("toy-ae", protocol=long, fresh=True)
    assert "It goes on at" in (again.folder / "log.txt").read_text()
    assert same(good, again)


def test_a_metric_that_was_mended_finds_the_weights_of_the_run_that_it_failed(
    run: Callable[..., Result],
) -> None:
    broken = run("toy-ae", metrics=["toy-error"], options={"toy-error": {"broken": True}})
    assert broken.status == "failed"
    # It failed on the curve already, so there are no weights: that training is done once more.
    assert run("toy-ae", metrics=["toy-error"]).status == "ok"


@pytest.mark.parametrize(
    ("keeps", "message"),
    [
        (
            "param_groups[0]['schedule'] = object()",
            "No checkpoint was saved: The optimizer autoencoder group 0 schedule is object",
        ),
        ("state['steps'] = 3", "keeps state that belongs to none of its parameters"),
    ],
)
def test_an_optimizer_that_keeps_what_cannot_be_saved_is_named_and_the_run_goes_on(
    run: Callable[..., Result], tmp_path: Path, keeps: str, message: str
) -> None:
    path = tmp_path / "odd.py"
    path.write_text(
        "from genbench_toys.autoencoder import Autoencoder\n"
        "class Odd(Autoencoder):\n"
        "    def optimizers(self):\n"
        "        kept = super().optimizers()\n"
        f"        kept['autoencoder'].{keeps}\n"
        "        return kept\n"
    )
    result = run(f"{path}:Odd", checkpoint_seconds=0)
    assert result.status == "ok"
    assert message in (result.folder / "log.txt").read_text()


def test_the_previous_checkpoint_stays_until_the_next_one_is_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = TrainingCheckpoints(tmp_path)
    checkpoints.save(checkpoint.Content({"w": torch.ones(3)}, {"n": 1}))
    monkeypatch.setattr(checkpoint, "_hash_of", lambda path: "what the disk made of it")
    with pytest.raises(genbench.errors.StoreError, match="is not read as written"):
        checkpoints.save(checkpoint.Content({"w": torch.zeros(3)}, {"n": 2}))
    latest = checkpoints.latest()
    assert latest is not None
    assert latest.plain == {"n": 1}


@pytest.fixture(autouse=True)
def _handlers_are_left_alone() -> Iterator[None]:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    yield
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


# ------------------------------------------------------------- a signal at the worst of moments

BOOKKEEPING = {
    ("average.py", "_swap"),
    ("average.py", "swapped_in"),
    ("streams.py", "separate"),
    ("streams.py", "seed_global"),
    ("weights.py", "buffers_kept"),
}


class StopAtLine:
    """Ctrl-C at the n-th line of what puts a model in its place for an evaluation and back."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __enter__(self) -> None:
        sys.settrace(self._frame)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _frame(self, frame: Any, event: str, _: object) -> Any:
        code = frame.f_code
        there = (os.path.basename(code.co_filename), code.co_name) in BOOKKEEPING
        return self._line if there and "genbench" in code.co_filename else None

    def _line(self, frame: Any, event: str, _: object) -> Any:
        if event == "line":
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGINT)
        return self._line


def test_a_signal_in_the_middle_of_the_bookkeeping_of_an_evaluation_changes_no_bit(
    run: Callable[..., Result], rich: str, tmp_path: Path
) -> None:
    alone = run(rich, results=tmp_path / "alone")
    cut = 0
    for number in range(20, 150, 7):
        results = tmp_path / str(number)
        with contextlib.suppress(KeyboardInterrupt), StopAtLine(number):
            run(rich, results=results)
            cut -= 1
        cut += 1
        assert same(alone, run(rich, results=results)), number
    assert cut > 10


def test_rows_of_earlier_points_stay_when_a_later_try_ends_sooner(
    run: Callable[..., Result], long: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(run, "toy-ae", protocol=long, listeners=[Stop(5)])
    rows = store.rows_of(store.read(_RESULTS[0] / "leaderboard"))
    before = {(row["fraction"], row["weights"], row["score"]) for row in rows}
    assert len(before) > 5
    with monkeypatch.context() as patch:
        patch.setattr("genbench.data.load", lambda *_: 1 / 0)
        again = run("toy-ae", protocol=long)
    assert again.status == "failed"
    assert {(r["fraction"], r["weights"], r["score"]) for r in again.rows} >= before - {
        (None, None, None)
    }
    assert len([row for row in again.rows if row["metric"] is None]) == 1


def test_a_crash_while_a_fresh_result_takes_its_place_is_settled_one_way_or_the_other(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Death(BaseException):
        pass

    def die(*_: object) -> None:
        raise Death

    first = run("toy-ae")
    with monkeypatch.context() as patch:
        patch.setattr("genbench.folder.RunFolder.take_the_place_of", die)
        with pytest.raises(Death):
            run("toy-ae", fresh=True)
    # Its rows are there, its folder is not in its place yet: that is done now.
    settled = run("toy-ae")
    assert settled.rows[0]["created"] > first.rows[0]["created"]
    record = json.loads((settled.folder / "run.json").read_text())
    assert record["rows_sha256"] == digest(settled.rows)
    assert record["fresh"]
    with monkeypatch.context() as patch:
        patch.setattr("genbench.leaderboard.store.commit", die)
        with pytest.raises(Death):
            run("toy-ae", fresh=True)
    # Its rows are not there: what was there before is whole.
    kept = run("toy-ae")
    assert kept.rows == settled.rows


def test_rows_that_are_not_those_of_the_weights_are_not_believed(
    run: Callable[..., Result],
) -> None:
    first = run("toy-ae")
    changed = [{**row, "value": 0.5 if row["value"] else row["value"]} for row in first.rows]
    store.commit(_RESULTS[0] / "leaderboard", changed)
    assert run("toy-ae").score("error") == first.score("error")


def test_a_run_whose_weights_were_to_be_taken_is_trained_where_they_are_gone(
    run: Callable[..., Result],
) -> None:
    first = run("toy-ae")
    record = json.loads((first.folder / "run.json").read_text())
    for broken in ({k: v for k, v in record.items() if k != "checkpoint_sha256"}, None):
        (first.folder / "run.json").write_text("{" if broken is None else json.dumps(broken))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "genbench.session._trained", lambda _: {record["training_id"]: first.run_id}
            )
            second = run("toy-ae", metrics=["toy-error"] if broken else ["toy-clock"])
        assert second.status == "ok", second.reason
        assert "trained_in" not in json.loads((second.folder / "run.json").read_text())


def test_the_curve_that_is_taken_over_ends_with_training(run: Callable[..., Result]) -> None:
    run("toy-ae")
    second = run("toy-ae", metrics=["toy-error"])
    lines = (second.folder / "curve.csv").read_text().splitlines()
    assert sum(",test,average,error," in line for line in lines) == 1
    assert sum(line.startswith("images,") for line in lines) == 1


def test_a_run_that_failed_after_training_can_be_loaded(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("genbench.runner._Run._evaluate_final", lambda *_: 1 / 0)
        assert run("toy-ae").status == "failed"
        patch.setattr("genbench.data.load", lambda *_: 1 / 0)
        failed = run("toy-ae")
    assert failed.status == "failed"
    assert not genbench.load(failed.folder).training
    assert run("toy-ae").status == "ok"
