"""What ae-gan must reach on digits under ``quick``: three seeds, 10,000 samples, code size 8."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SETTINGS = ["--set", "ae-gan.latent_dim=8", "--set", "pca.latent_dim=8"]


def genbench(folder: Path, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "genbench", *arguments, "--format", "json"],
        cwd=folder,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    models = ["--model", "ae-gan", "--model", "pca", "--model", "gaussian"]
    genbench(folder, "run", *models, "--seeds", "3", *SETTINGS)
    return folder


@pytest.fixture(scope="module")
def scores(folder: Path) -> dict[str, dict[str, tuple[float, float]]]:
    """By score and model: mean and spread over the three seeds."""
    standings = genbench(folder, "leaderboard")["standings"]
    return {
        standing["score"]: {
            entry["model"]: (entry["mean"], entry["spread"])
            for entry in standing["entries"]
            if len(entry["values"]) == 3
        }
        for standing in standings
    }


def test_ae_gan_reconstructs_at_least_a_fifth_better_than_pca(scores: Any) -> None:
    print(scores["mse"])
    assert scores["mse"]["ae-gan"][0] <= 0.8 * scores["mse"]["pca"][0]


@pytest.mark.parametrize("score", ["fid", "kid"])
def test_ae_gan_samples_better_than_gaussian_by_more_than_twice_the_spread(
    scores: Any, score: str
) -> None:
    print(scores[score])
    (ours, our_spread), (theirs, their_spread) = (
        scores[score]["ae-gan"],
        scores[score]["gaussian"],
    )
    assert theirs - ours > 2 * max(our_spread, their_spread)


def test_the_same_command_with_fresh_gives_the_same_scores_to_the_last_bit(folder: Path) -> None:
    arguments = ["run", "--model", "ae-gan", "--seed", "0", *SETTINGS[:2]]
    first = genbench(folder, *arguments)[0]
    second = genbench(folder, *arguments, "--fresh")[0]
    assert (first["reused"], second["reused"]) == (True, False)
    assert len(first["rows"]) == len(second["rows"]) > 100
    for one, other in zip(first["rows"], second["rows"], strict=True):
        assert one["score"] == other["score"]
        if not one["hardware"]:
            assert (one["value"], one["error"]) == (other["value"], other["error"]), one["score"]
