"""``genbench evaluate``: samples from elsewhere, from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from genbench_toys.squares import Squares
from PIL import Image

from genbench.cli import main
from genbench.leaderboard import store

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run a command in a folder where samples lie: a folder, an array, a reference."""
    monkeypatch.chdir(tmp_path)
    x = Squares(seed=5).load().train.x.numpy()
    np.save("theirs.npy", x)
    np.save("real.npy", Squares().load().test.x.numpy())
    Path("folder").mkdir()
    for number, image in enumerate(x):
        Image.fromarray(image[0]).save(f"folder/{number:02d}.png")

    def invoke_command(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["evaluate", "--device", "cpu", *arguments])

    return invoke_command


TOYS = ("--dataset", "toy-squares", "--metric", "toy-distance", "--metric", "toy-error")


def test_scores_are_printed_and_rows_added_under_the_files_name(invoke: Invoke) -> None:
    done = invoke("--samples", "theirs.npy", *TOYS)
    assert done.exit_code == 0, done.output
    assert "60 samples against 30 real examples of toy-squares" in done.output
    assert "distance" in done.output
    assert "± 0.01" in done.output
    assert "error: the model has no reconstruct" in done.output
    assert "Added as theirs-toy-squares-s0-" in done.output
    rows = store.rows_of(store.read(Path("results/leaderboard")))
    assert {row["model"] for row in rows} == {"theirs"}
    shown = CliRunner().invoke(main, ["leaderboard"]).output
    assert "Trained elsewhere: theirs." in shown


def test_a_folder_of_images_scores_what_the_array_of_them_scores(invoke: Invoke) -> None:
    given = [
        json.loads(invoke("--samples", path, *TOYS, "--no-add", "--format", "json").output)
        for path in ("folder", "theirs.npy")
    ]
    scored = [
        {row["score"]: row["value"] for row in told["rows"]} | {"n": told["samples"]}
        for told in given
    ]
    assert scored[0] == scored[1]
    assert scored[0]["n"] == 60
    assert not Path("results").exists()


def test_two_folders_are_compared_without_a_data_set(invoke: Invoke) -> None:
    ruler = ("--extractor", "toy-pixels", "--metric", "toy-distance", "--no-add")
    same = invoke("--samples", "real.npy", "--reference", "real.npy", *ruler)
    other = invoke("--samples", "folder", "--reference", "real.npy", *ruler, "--format", "json")
    assert "30 samples against 30 real examples of reference" in same.output
    [value] = [r["value"] for r in json.loads(other.output)["rows"] if r["score"] == "distance"]
    against = invoke("--samples", "theirs.npy", *TOYS, "--no-add", "--format", "json")
    rows = json.loads(against.output)["rows"]
    assert value == next(row["value"] for row in rows if row["score"] == "distance")


def test_options_of_metrics_are_set(invoke: Invoke) -> None:
    def distance(*more: str) -> float:
        done = invoke("--samples", "theirs.npy", *TOYS, "--no-add", "--format", "json", *more)
        rows = json.loads(done.output)["rows"]
        return float(next(row["value"] for row in rows if row["score"] == "distance"))

    assert distance("--set", "toy-distance.scale=2") == pytest.approx(2 * distance())
    done = invoke("--samples", "theirs.npy", *TOYS, "--no-add", "--set", "toy-distance.scale=2")
    assert "measured with toy-distance.scale=2.0" in done.output


def test_an_extractor_that_takes_no_such_images_is_one_clear_message(invoke: Invoke) -> None:
    Path("narrow.py").write_text(
        "class Narrow:\n"
        "    fingerprint = 'narrow'\n"
        "    def to(self, device): return self\n"
        "    def __call__(self, x): raise ValueError('images of 9x9 only')\n"
    )
    done = invoke("--samples", "theirs.npy", *TOYS, "--extractor", "narrow.py:Narrow")
    assert done.exit_code == 1
    assert "The extractor does not take these examples: images of 9x9 only" in done.output
    assert not Path("results/leaderboard").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--samples", "theirs.npy"), "Give --dataset or --reference: one of the two."),
        (("--samples", "nowhere", *TOYS), "There are no samples at nowhere"),
        (("--samples", "theirs.npy", *TOYS, "--no-add", "--fresh"), "--fresh is for rows of a lea"),
        (
            ("--samples", "theirs.npy", *TOYS, "--set", "a.b=1", "--set", "a.b=2"),
            "--set a.b is given 2 times: this is one evaluation.",
        ),
        (("--samples", "theirs.npy", *TOYS, "--name", "a/b"), "name 'a/b' cannot be used"),
        (("--samples", "theirs.npy", *TOYS, "--protocol", "quick"), "There are 60 samples, but"),
    ],
)
def test_what_is_asked_for_wrongly_is_refused_and_nothing_is_written(
    invoke: Invoke, arguments: Any, message: str
) -> None:
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert message in done.output
    assert not Path("results/leaderboard").exists()
