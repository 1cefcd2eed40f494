"""``genbench suite``: a suite is run and held to published values."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]

PUBLISHED = """
[[runs.published]]
metric = "toy-error"
score = "error"
value = {value}
tolerance = {tolerance}
source = "Somebody 2020, table 1"
"""


@pytest.fixture
def suite(command: Command, tiny_file: Path, tmp_path: Path) -> Callable[..., Path]:
    def write(value: float = 0.0, tolerance: float = 100.0, models: str = '["toy-ae"]') -> Path:
        path = tmp_path / "suite.toml"
        path.write_text(
            f'protocol = "{tiny_file.name}"\nseeds = 2\n[[runs]]\nmodels = {models}\n'
            + PUBLISHED.format(value=value, tolerance=tolerance)
        )
        return path

    return write


def run(command: Command, *arguments: object) -> subprocess.CompletedProcess[str]:
    return command("suite", "--executor", "in-process", "--device", "cpu", *arguments)


def test_what_is_within_the_tolerance_passes_and_what_is_not_fails(
    command: Command, suite: Callable[..., Path]
) -> None:
    done = run(command, suite(tolerance=100.0))
    assert done.returncode == 0, done.stderr
    assert "2 of 2" in done.stdout
    assert "pass" in done.stdout
    assert "Published: Somebody 2020, table 1." in done.stdout
    failed = run(command, suite(value=50.0, tolerance=0.1))
    assert failed.returncode == 1
    assert "fail" in failed.stdout


def test_what_was_not_run_is_open(command: Command, suite: Callable[..., Path]) -> None:
    done = run(command, suite(), "--no-run", "--format", "json")
    assert done.returncode == 1
    (judged,) = json.loads(done.stdout)
    assert (judged["verdict"], judged["values"], judged["trials"]) == ("open", [], 2)


def test_what_is_there_is_judged_without_running(
    command: Command, suite: Callable[..., Path]
) -> None:
    path = suite()
    first = json.loads(run(command, path, "--format", "json").stdout)
    again = run(command, path, "--no-run", "--format", "json")
    assert again.returncode == 0
    assert json.loads(again.stdout) == first


def test_dry_run_shows_the_plan_and_runs_nothing(
    command: Command, suite: Callable[..., Path], tmp_path: Path
) -> None:
    done = run(command, suite(), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "toy-ae" in done.stdout
    assert len(json.loads(run(command, suite(), "--dry-run", "--format", "json").stdout)) == 2
    assert not (tmp_path / "results" / "leaderboard").exists()


def test_a_published_value_of_several_models_is_refused(
    command: Command, suite: Callable[..., Path]
) -> None:
    done = run(command, suite(models='["toy-ae", "toy-mean"]'))
    assert done.returncode == 2
    assert "A published value belongs to one model, data set and choice of options" in done.stderr


@pytest.mark.parametrize(
    ("wrong", "right", "told"),
    [
        ('"toy-eror"', '"toy-error"', "'toy-eror', which these runs do not have. Did you mean toy"),
        ('"eror"', '"error"', "'eror', which toy-error does not give. Did you mean error?"),
    ],
)
def test_a_metric_or_score_that_these_runs_do_not_have_is_named(
    command: Command, suite: Callable[..., Path], wrong: str, right: str, told: str
) -> None:
    path = suite()
    path.write_text(path.read_text().replace(f"= {right}", f"= {wrong}"))
    done = run(command, path, "--no-run")
    assert done.returncode == 2
    assert told in done.stderr


def test_to_run_nothing_and_to_judge_nothing_is_refused(
    command: Command, suite: Callable[..., Path]
) -> None:
    done = run(command, suite(), "--no-run", "--dry-run")
    assert done.returncode == 2
    assert "--no-run judges what is there, --dry-run shows what is not" in done.stderr


def test_a_suite_without_published_values_is_for_run(command: Command, tmp_path: Path) -> None:
    (tmp_path / "plain.toml").write_text('[[runs]]\nmodels = ["toy-ae"]\n')
    done = run(command, "plain.toml")
    assert done.returncode == 2
    assert "has no [[runs.published]]" in done.stderr
    assert "genbench run plain.toml" in done.stderr


def test_a_key_that_does_not_belong_is_named(command: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(
        '[[runs]]\nmodels = ["toy-ae"]\n[[runs.published]]\nmetric = "fid"\n'
    )
    done = run(command, "bad.toml")
    assert done.returncode == 2
    assert "runs[0].published.0.score: Field required" in done.stderr


def test_a_suite_is_found_by_its_name(command: Command) -> None:
    assert "pacgan-2d" in command("list", "suites").stdout
    done = run(command, "pacgan", "--no-run")
    assert done.returncode == 2
    assert "There is no suite 'pacgan'. Did you mean pacgan-2d?" in done.stderr
