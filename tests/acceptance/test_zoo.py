"""What every model must reach on digits under ``quick``: three seeds, codes of 8 numbers.

The runs take three quarters of an hour, so their rows are committed; ``results/zoo/suite.toml``
makes them again. Here the same suites run under ``smoke``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from subprocess import CompletedProcess

import pytest

from genbench import protocol, registry
from genbench.leaderboard import store
from genbench.leaderboard.statistics import SIGNIFICANCE, holm, welch

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results" / "zoo"

ELSEWHERE = {"pacgan-2d": "takes points only; results of its own suite"}
"""Models that are no part of the table."""

RECONSTRUCTS_WORSE_THAN_PCA = {
    "bigan": (0.193, "no loss compares an image with its reconstruction"),
    "vae-gan": (0.1015, "what it compares are features of the discriminator, not pixels"),
}
"""Models that reconstruct and do not beat pca: their MSE, and why that is no fault."""

SAMPLES_WORSE_THAN_GAUSSIAN = {
    "began": (
        {"fid": 71.7, "kid": 3.68},
        "it collapses to one image, which its discriminator, an autoencoder of 64 pixels, restores "
        "as well as data: nothing in L(G(z)) asks for variety, and the balance k, moved by the "
        "difference of two small numbers, stays near 0 for 3,000 steps. Diversity ratios from 0.5 "
        "to 1, balance rates from 0.01 to 1, learning rates from 0.0001 to 0.001, codes of 2, 8 "
        "and 64 numbers, ELU and another initialisation kept at best 0.6 of the data's spread",
    )
}
"""Models that sample worse than gaussian: their figures, and what was tried."""

GANS = ("gan", "dcgan", "wgan", "wgan-gp", "sngan", "improved-gan", "pacgan")
"""They draw from a prior of any size, and encode nothing."""

BASELINES = ("gaussian", "pca", "memorizer", "kde", "gmm")
FLOOR = ("memorizer", "kde")

Scores = dict[str, dict[str, list[float]]]


@pytest.fixture(scope="module")
def scores() -> Scores:
    """By score and model, the final values of the averaged weights, by seed."""
    found: Scores = defaultdict(lambda: defaultdict(list))
    rows = store.rows_of(store.read(RESULTS / "leaderboard"))
    for row in sorted(rows, key=lambda row: row["seed"]):
        if (row["split"], row["fraction"], row["weights"]) == ("test", 1, "average"):
            assert row["protocol_fingerprint"] == protocol.load("quick").fingerprint
            # No code has more than 8 numbers, which is what an autoencoder takes for 64 pixels.
            if row["model"] not in GANS:
                assert json.loads(row["model_options"]).get("latent_dim") in (None, 8), row["model"]
            if row["value"] is not None:
                found[row["score"]][row["model"]].append(row["value"])
    return found


def test_every_model_is_in_the_table_with_three_seeds(scores: Scores) -> None:
    installed = {
        name
        for name, (plugin, *_) in registry.catalogue("model").items()
        if (plugin.distribution or "").startswith("genbench-")
        and plugin.distribution != "genbench-toys"
    }
    assert set(scores["parameters"]) == installed - set(ELSEWHERE)
    for model in scores["parameters"]:
        assert len(scores["fid"][model]) == len(scores["kid"][model]) == 3, model


@pytest.mark.parametrize("score", ["fid", "kid"])
def test_every_trained_model_samples_better_than_gaussian(scores: Scores, score: str) -> None:
    best_of_gaussian = min(scores[score]["gaussian"])
    for model, values in scores[score].items():
        if model in BASELINES:
            continue
        print(model, values)
        if model in SAMPLES_WORSE_THAN_GAUSSIAN:
            figures, reason = SAMPLES_WORSE_THAN_GAUSSIAN[model]
            assert reason
            assert fmean(values) == pytest.approx(figures[score], rel=0.02)
            assert fmean(values) > best_of_gaussian, f"{model} is no exception any more"
        else:
            assert max(values) < best_of_gaussian, model


def test_every_model_that_reconstructs_does_so_better_than_pca(scores: Scores) -> None:
    best_of_pca = min(scores["mse"]["pca"])
    for model, values in scores["mse"].items():
        if model in BASELINES:
            continue
        print(model, values)
        if model in RECONSTRUCTS_WORSE_THAN_PCA:
            figure, reason = RECONSTRUCTS_WORSE_THAN_PCA[model]
            assert reason
            assert fmean(values) == pytest.approx(figure, rel=0.02), f"the figure of {model}"
            assert fmean(values) > best_of_pca, f"{model} is no exception any more"
        else:
            assert max(values) < best_of_pca, model


@pytest.mark.parametrize("score", ["fid", "kid"])
@pytest.mark.parametrize("floor", FLOOR)
def test_no_model_is_significantly_better_than_the_floor(
    scores: Scores, score: str, floor: str
) -> None:
    others = [model for model in scores[score] if model not in FLOOR]
    tests = [welch(scores[score][floor], scores[score][model]) for model in others]
    corrected = holm([1.0 if test is None else test.p_value for test in tests])
    for model, test, p in zip(others, tests, corrected, strict=True):
        assert test is not None
        assert not (test.difference < 0 and p <= SIGNIFICANCE), model


def test_the_table_in_the_results_is_what_the_rows_say(
    command: Callable[..., CompletedProcess[str]],
) -> None:
    metrics = ("--metric", "fid", "--metric", "kid", "--metric", "mse")
    done = command("leaderboard", "--results", RESULTS, *metrics)
    assert done.returncode == 0, done.stderr
    readme = (RESULTS.parent / "README.md").read_text(encoding="utf-8")
    (block,) = [block for block in readme.split("```") if "ae[sampler=none]" in block]
    rows = [line.split() for line in done.stdout.splitlines() if "±" in line or "n/a" in line]
    assert [line.split() for line in block.splitlines() if "±" in line or "n/a" in line] == [
        row for row in rows if row[0] != "n/a:"
    ]


@pytest.mark.parametrize("suite", ["zoo", "claims"])
def test_the_suites_run_from_end_to_end(
    command: Callable[..., CompletedProcess[str]], suite: str
) -> None:
    file = ROOT / "results" / suite / "suite.toml"
    small = ["--set", "ring.size=2000"] if suite == "claims" else []
    done = command("run", file, "--protocol", "smoke", "--seeds", "1", "--device", "cpu",
                   *small, "--format", "json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) > 20
