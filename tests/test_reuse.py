"""What is there already: reused, evaluated again, or run again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import genbench
from genbench.api import Result
from genbench.leaderboard import store

Run = Callable[..., Result]


def test_a_run_that_is_there_is_reused(run: Run) -> None:
    first = run("toy-ae")
    created = first.rows[0]["created"]
    assert run("toy-ae").rows[0]["created"] == created
    assert run("toy-ae", fresh=True).rows[0]["created"] > created


def test_a_changed_metric_is_evaluated_without_training_again(run: Run) -> None:
    first = run("toy-ae")
    second = run("toy-ae", metrics=["toy-error", "toy-clock"])
    assert second.run_id != first.run_id
    record = json.loads((second.folder / "run.json").read_text())
    assert record["trained_in"] == first.run_id
    assert second.score("error") == first.score("error")
    assert second.score("seconds") == first.score("seconds")


def test_weights_that_were_trained_on_another_machine_are_trained_again(run: Run) -> None:
    # Else its seconds and bytes would stand in rows that speak of this one.
    first = run("toy-ae")
    second = run("toy-ae", metrics=["toy-clock"], threads=2)
    assert "trained_in" not in json.loads((second.folder / "run.json").read_text())
    assert second.score("seconds") != first.score("seconds")


def test_fresh_keeps_the_good_result_until_there_is_a_better_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run("toy-ae")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("genbench_toys.autoencoder.Autoencoder.train_step", interrupted)
        again = run("toy-ae", fresh=True)
    assert again.status == "interrupted"
    assert again.rows == []  # those that are there are the earlier run's
    assert "is kept" in (again.folder / "log.txt").read_text()
    assert genbench.load(first.folder) is not None
    assert run("toy-ae").rows == first.rows
    assert run("toy-ae").status == "ok"
    assert run("toy-ae", fresh=True).rows[0]["created"] > first.rows[0]["created"]
    names = [path.name for path in (tmp_path / "results" / "runs").iterdir()]
    assert sorted(names) == [".commands", ".locks", first.run_id]


def test_a_damaged_checkpoint_is_no_result_to_reuse(run: Run) -> None:
    first = run("toy-ae")
    (first.folder / "checkpoint.safetensors").write_bytes(b"")
    elsewhere = run("toy-ae", metrics=["toy-error"])
    assert elsewhere.status == "ok"
    assert "So it is trained once more" in (elsewhere.folder / "log.txt").read_text()
    again = run("toy-ae")
    assert again.rows[0]["created"] > first.rows[0]["created"]
    assert again.score("error") == first.score("error") == elsewhere.score("error")


def test_a_failed_run_is_run_again(run: Run, tmp_path: Path) -> None:
    first = run("toy-faulty", options={"toy-faulty": {"fault": "raises-in-step"}})
    second = run("toy-faulty", options={"toy-faulty": {"fault": "raises-in-step"}})
    assert second.rows[-1]["created"] > first.rows[-1]["created"]


def test_a_run_whose_rows_are_damaged_is_run_again(run: Run, tmp_path: Path) -> None:
    first = run("toy-ae")
    path = tmp_path / "results" / "leaderboard" / f"{first.run_id}.parquet"
    path.write_bytes(path.read_bytes()[:100])
    assert run("toy-ae").score("error") == first.score("error")
    assert store.read_file(path).num_rows == len(first.rows)
