"""What ``genbench run`` is asked for: grids, suites, --dry-run, --last-failed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(command: Command, tiny_file: Path) -> Command:
    def run_command(*arguments: object) -> subprocess.CompletedProcess[str]:
        fixed = ["run", "--executor", "in-process", "--device", "cpu", "--protocol", tiny_file.name]
        return command(*fixed, *arguments)

    return run_command


def test_several_values_of_an_option_are_a_run_each(run: Command) -> None:
    done = run("--model", "toy-ae", "--set", "toy-ae.width=4", "--set", "toy-ae.width=8",
               "--set", "toy-ae.lr=0.1", "--format", "json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    options = [json.loads(o["rows"][0]["model_options"]) for o in json.loads(done.stdout)]
    assert sorted((o["width"], o["lr"]) for o in options) == [(4, 0.1), (8, 0.1)]


def test_a_suite_file_is_run_and_models_may_be_left_out(run: Command, tmp_path: Path) -> None:
    (tmp_path / "suite.toml").write_text(
        '[[runs]]\nmodels = ["toy-ae"]\nset."toy-ae.width" = [4, 8]\n'
        '[[runs]]\nmodels = ["toy-mean"]\nseeds = [3]\n'
    )
    done = run("suite.toml", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 3
    assert len(json.loads(run("suite.toml", "--seeds", "2", "--format", "json").stdout)) == 6


def test_a_model_where_a_suite_stands_is_explained(run: Command) -> None:
    done = run("toy-ae")
    assert done.returncode == 2
    assert "There is no suite 'toy-ae'." in done.stderr
    assert "a model as --model NAME" in done.stderr


def test_an_option_for_nobody_is_refused_in_a_suite_too(run: Command, tmp_path: Path) -> None:
    (tmp_path / "suite.toml").write_text(
        '[[runs]]\nmodels = ["toy-mean"]\nset."toy-ae.width" = 4\n'
    )
    done = run("suite.toml")
    assert done.returncode == 2
    assert "runs[0] has options for 'toy-ae', which is none of its models" in done.stderr


def test_dry_run_shows_what_is_done_and_what_is_to_do_and_runs_nothing(
    run: Command, tmp_path: Path
) -> None:
    run("--model", "toy-ae", "--seed", "1")
    folders = sorted(tmp_path.glob("results/runs/*"))
    done = run("--model", "toy-ae", "--seeds", "3", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "3 runs: 2 to do, 1 done. Nothing was run." in done.stdout
    assert sorted(tmp_path.glob("results/runs/*")) == folders
    plan = json.loads(
        run("--model", "toy-ae", "--seeds", "3", "--dry-run", "--format", "json").stdout
    )
    assert [item["state"] for item in plan] == ["to do", "done", "to do"]


def test_dry_run_tells_of_a_damaged_record_and_of_the_other_runs(
    run: Command, tmp_path: Path
) -> None:
    run("--model", "toy-ae", "--seed", "1")
    (record,) = tmp_path.glob("results/runs/toy-*/run.json")
    record.write_text("{")
    done = run("--model", "toy-ae", "--seeds", "2", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "its run.json is damaged" in done.stdout


def test_dry_run_makes_no_results_folder(run: Command, tmp_path: Path) -> None:
    assert run("--model", "toy-ae", "--dry-run").returncode == 0
    assert not (tmp_path / "results").exists()


def test_last_failed_takes_up_what_failed_with_the_code_as_it_is_now(
    run: Command, command: Command, tmp_path: Path
) -> None:
    here = ("run", "--executor", "in-process", "--device", "cpu")
    mine = tmp_path / "mine.py"
    source = (
        "from genbench_toys.autoencoder import Autoencoder\n"
        "class Mine(Autoencoder):\n"
        "    def train_step(self, batch, step):\n"
        "        {}\n"
        "        return super().train_step(batch, step)\n"
    )
    mine.write_text(source.format("raise RuntimeError('a bug')"))
    first = run("--model", "./mine.py:Mine", "--model", "toy-mean", "--seeds", "2")
    assert first.returncode == 1
    assert "genbench run --last-failed" in first.stdout
    mine.write_text(source.format("pass"))
    again = command(*here, "--last-failed", "--format", "json")
    assert again.returncode == 0, again.stderr
    assert [o["run_id"].partition("-")[0] for o in json.loads(again.stdout)] == ["Mine", "Mine"]
    none = command(*here, "--last-failed")
    assert none.returncode == 0
    assert "Nothing failed last time." in none.stdout


def test_last_failed_alone_chooses_nothing_itself(run: Command) -> None:
    done = run("--last-failed", "--seed", "7")
    assert done.returncode == 2
    assert "leave out what chooses protocol, seeds" in done.stderr


def test_last_failed_of_some_runs_leaves_the_others_alone(run: Command) -> None:
    one, other = (f"--set=toy-faulty.fault={f}" for f in ("raises-in-step", "sample-nan"))
    run("--model", "toy-faulty", "--model", "toy-ae", one, other)
    done = run("--model", "toy-faulty", "--model", "toy-mean", one, "--lf", "--format", "json")
    (outcome,) = json.loads(done.stdout)
    assert "the sky fell" in outcome["reason"]
    done = run("--model", "toy-ae", "--lf", "--format", "json")
    assert json.loads(done.stdout) == [], "it was ok"


def test_a_bad_option_in_one_of_many_runs_runs_nothing(run: Command, tmp_path: Path) -> None:
    done = run("--model", "toy-mean", "--model", "toy-ae", "--set", "toy-ae.width=wide")
    assert done.returncode == 2
    assert "takes int, not 'wide'" in done.stderr
    assert not list(tmp_path.glob("results/runs/*"))
