"""What the README shows, run as it stands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

import genbench
from genbench.external.scores import Scores
from genbench_datasets.digits import Digits

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

Command = Callable[..., subprocess.CompletedProcess[str]]


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    return [block for name, block in found if name == language]


def shown_commands() -> list[str]:
    lines = [
        line.partition("#")[0].strip() for block in blocks("sh") for line in block.splitlines()
    ]
    return [line for line in lines if line.startswith("genbench ")]


def test_the_model_in_the_readme_is_whole_in_25_lines_and_every_command_runs(
    command: Command, tmp_path: Path
) -> None:
    (mine,) = [block for block in blocks("python") if "class MyVAE" in block]
    assert len(mine.splitlines()) <= 25
    (tmp_path / "mine.py").write_text(mine)
    save_images(tmp_path / "generated", Digits().load().train.x[:100])
    save_images(tmp_path / "real", Digits().load().test.x[:100])
    assert len(shown_commands()) >= 8
    for line in shown_commands():
        arguments = shlex.split(line)[1:]
        if arguments[0] == "run":
            # As shown but for the budget: whether a command works does not depend on it.
            arguments += ["--protocol", "smoke", "--device", "cpu"]
        done = command(*arguments)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def save_images(folder: Path, images: torch.Tensor) -> None:
    folder.mkdir()
    for number, image in enumerate(images.numpy()):
        Image.fromarray(image[0]).save(folder / f"{number:04d}.png")


def test_the_evaluator_in_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = [block for block in blocks("python") if "Evaluator(" in block]
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"genbench": genbench, "model": Noise()}
    exec(example.replace('protocol="quick"', 'protocol="smoke"'), names)
    scores = names["scores"]
    assert isinstance(scores, Scores)
    assert scores["fid"] > 0
    assert scores.errors["kid"] > 0
    assert list((tmp_path / "results" / "leaderboard").glob("mine-digits-s0-*.parquet"))


class Noise:
    """What the README's loop would train."""

    def sample(self, n: int, rng: torch.Generator) -> torch.Tensor:
        return torch.rand(n, 1, 8, 8, generator=rng) * 2 - 1


def test_the_python_in_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = [block for block in blocks("python") if "genbench.run(" in block]
    monkeypatch.chdir(tmp_path)
    smoke = example.replace("seeds=[0]", 'seeds=[0], protocol="smoke", device="cpu"')
    assert smoke != example
    names: dict[str, object] = {}
    exec(smoke, names)
    assert not names["model"].training  # type: ignore[attr-defined]


def test_the_two_lines_for_pytest_are_tests_that_pass(tmp_path: Path) -> None:
    (mine,) = [block for block in blocks("python") if "class MyVAE" in block]
    (tests,) = [block for block in blocks("python") if "genbench.testing" in block]
    (tmp_path / "mine.py").write_text(mine)
    (tmp_path / "test_mine.py").write_text(tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_the_suite_in_the_readme_is_one(command: Command, tmp_path: Path) -> None:
    (text,) = blocks("toml")
    (tmp_path / "suite.toml").write_text(text)
    done = command("run", "suite.toml", "--dry-run", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "25 runs: 25 to do. Nothing was run." in done.stdout


def test_the_first_commands_are_near_the_top_and_ci_calls_the_second() -> None:
    main_job, tests = blocks("sh")[0].splitlines()
    assert README.index(main_job) < 600
    assert main_job.startswith(
        "python -m pip install . ./plugins/*/ && genbench run --model ae-gan"
    )
    assert tests.partition("#")[0].strip() in (ROOT / ".ci" / "run").read_text()


def test_the_table_in_the_readme_is_that_of_the_reference_leaderboard(command: Command) -> None:
    done = command("leaderboard", "--results", ROOT / "results" / "reference")
    assert done.returncode == 0, done.stderr
    shown = [line.split() for line in done.stdout.splitlines()]
    (table,) = [block for block in blocks("") if "ranked by fid" in block]
    rows = [line.removesuffix("…").split() for line in table.splitlines() if "±" in line]
    rows = [row for row in rows if row[0] != "ranked"]
    assert len(rows) == 4
    for row in rows:
        assert any(line[: len(row)] == row for line in shown), row


def test_every_distribution_stands_in_the_readme() -> None:
    for folder in (ROOT / "plugins").iterdir():
        if folder.is_dir():
            assert f"(plugins/{folder.name})" in README
