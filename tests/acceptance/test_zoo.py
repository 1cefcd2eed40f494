"""What every model must reach on digits under ``quick``: three seeds, codes of 8 numbers.

The runs take half an hour, so their rows are committed; ``results/zoo/suite.toml`` makes them
again. Here the same suites run under ``smoke``.
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

RECONSTRUCTS_WORSE_THAN_PCA: dict[str, tuple[float, str]] = {}
"""Models that reconstruct and do not beat pca: their figure, and why that is no fault."""

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
            assert json.loads(row["model_options"]).get("latent_dim", 8) in (8, 100, 128, 64)
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
        if model not in BASELINES:
            print(model, values)
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


@pytest.mark.parametrize("suite", ["zoo", "claims"])
def test_the_suites_run_from_end_to_end(
    command: Callable[..., CompletedProcess[str]], suite: str
) -> None:
    file = ROOT / "results" / suite / "suite.toml"
    done = command("run", file, "--protocol", "smoke", "--seeds", "1", "--device", "cpu",
                   "--set", "ring.size=2000", "--format", "json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) > 20
