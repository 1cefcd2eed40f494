"""One run from spec to rows, in this process, with toy plugins."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from genbench_toys.distance import Distance
from genbench_toys.pixels import Pixels
from genbench_toys.squares import Squares
from PIL import Image

import genbench
from genbench import curve
from genbench.api import Result
from genbench.contract import Evidence
from genbench.data import to_model
from genbench.hookspecs import hookimpl
from genbench.protocol import Protocol, Training
from genbench.train import READ_EVERY

Run = Callable[..., Result]


def final(result: Result, weights: str = "average") -> dict[str, Any]:
    return {
        row["score"]: row["value"]
        for row in result.rows
        if row["split"] == "test" and row["weights"] == weights
    }


def test_a_run_measures_the_curve_on_validation_and_reports_on_test(run: Run) -> None:
    result = run("toy-ae")
    assert result.status == "ok"
    measured = {(row["split"], row["fraction"], row["weights"]) for row in result.rows}
    assert measured == {
        (split, fraction, weights)
        for split, fraction in (("validation", 0.5), ("validation", 1.0), ("test", 1.0))
        for weights in ("average", "last")
    }
    assert {row["images"] for row in result.rows} == {200, 400}


def test_the_average_and_the_last_weights_are_scored_apart(run: Run) -> None:
    result = run("toy-ae")
    assert final(result, "average")["error"] != final(result, "last")["error"]


def test_the_same_spec_gives_the_same_scores_to_the_last_bit(run: Run, tmp_path: Path) -> None:
    first = run("toy-ae", results=tmp_path / "a")
    second = run("toy-ae", results=tmp_path / "b")
    for one, other in zip(first.rows, second.rows, strict=True):
        assert one["score"] == other["score"]
        assert one["value"] == other["value"] or one["hardware"]
    assert first.run_id == second.run_id


def test_another_seed_gives_other_scores(run: Run) -> None:
    assert final(run("toy-ae", seeds=[0])) != final(run("toy-ae", seeds=[1]))


def test_evaluating_more_often_changes_nothing_that_comes_after(run: Run, tiny: Any) -> None:
    evaluation = tiny.evaluation.model_copy(update={"points": (0.1, 0.3, 0.5, 0.8, 1.0)})
    often = tiny.model_copy(update={"evaluation": evaluation})
    assert final(run("toy-ae", protocol=often))["error"] == final(run("toy-ae"))["error"]


def test_a_model_that_draws_from_the_global_stream_is_repeatable_all_the_same(
    run: Run, tmp_path: Path
) -> None:
    options = {"toy-faulty": {"fault": "sample-from-global-stream"}}
    torch.manual_seed(1)
    first = run("toy-faulty", options=options, results=tmp_path / "a")
    torch.manual_seed(2)
    second = run("toy-faulty", options=options, results=tmp_path / "b")
    assert first.score("distance") == second.score("distance")


def test_a_model_that_is_only_fitted_has_equal_rows_under_both_weights(run: Run) -> None:
    result = run("toy-mean")
    assert result.status == "ok"
    assert final(result, "average")["error"] == final(result, "last")["error"] is not None
    keys = {row["key"] for row in result.rows if row["score"] == "error"}
    assert len(keys) == 2


def test_a_metric_that_does_not_apply_says_why_in_its_row(run: Run) -> None:
    rows = [row for row in run("toy-mean").rows if row["score"] == "distance"]
    assert {row["status"] for row in rows} == {"not-applicable"}
    assert {row["reason"] for row in rows} == {"the model has no sample"}
    assert {row["value"] for row in rows} == {None}


def test_points_have_no_features_without_an_extractor_and_the_row_says_so(run: Run) -> None:
    result = run("toy-ae", dataset="toy-points")
    assert result.status == "ok"
    row = next(row for row in result.rows if row["score"] == "distance")
    assert row["reason"] == "the data set names no extractor; give one with --extractor"


def test_features_of_real_data_are_extracted_once_a_run(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    real = Pixels.__call__

    def counted(self: Pixels, x: torch.Tensor) -> torch.Tensor:
        seen.append(len(x))
        return real(self, x)

    monkeypatch.setattr(Pixels, "__call__", counted)
    run("toy-ae")
    # Samples: 2 x 2 on the curve, of 30; 2 in the end, of 60. Real: 30 of each split.
    assert sorted(seen) == [30] * 4 + [30] * 2 + [60] * 2


def test_an_extractor_of_ones_own_is_part_of_the_key(run: Run) -> None:
    own = run("toy-ae", dataset="toy-points", extractor="toy-pixels")
    row = next(row for row in own.rows if row["score"] == "distance")
    assert (row["status"], row["extractor"]) == ("ok", "toy-pixels")


def test_the_folder_holds_all_that_the_run_made(run: Run) -> None:
    folder = run("toy-ae").folder
    names = {path.name for path in folder.iterdir()}
    assert names >= {"run.json", "checkpoint.safetensors", "curve.csv", "samples.png", "log.txt"}
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "ok"
    assert record["spec"]["model"]["options"] == {"latent_dim": 2, "width": 16, "lr": 0.01}
    assert {"torch", "genbench", "genbench-toys"} <= record["distributions"].keys()
    assert record["history"]["images"] == 400


def test_the_picture_shows_samples_and_reconstructions(run: Run) -> None:
    with Image.open(run("toy-ae").folder / "samples.png") as picture:
        assert picture.mode == "L"
        assert picture.width > 500
        assert picture.height > picture.width


def test_the_curve_holds_losses_and_scores(run: Run) -> None:
    with (run("toy-ae").folder / "curve.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["split"] for line in lines} == {"train", "validation", "test"}
    assert {line["name"] for line in lines if line["split"] == "train"} == {
        "autoencoder",
        "reconstruction",
    }


def test_a_trained_model_is_loaded_with_the_weights_that_were_scored(run: Run) -> None:
    result = run("toy-ae")
    model = genbench.load(result.folder)
    rows = [row for row in result.rows if row["score"] == "error" and row["split"] == "test"]
    scores = {row["weights"]: row["value"] for row in rows}
    x = to_model(Squares().load().test.x)
    for weights, value in scores.items():
        model = genbench.load(result.folder, weights)
        with torch.no_grad():
            error = (x - model.reconstruct(x).clamp(-1, 1)).square().mean().item()
        assert error == pytest.approx(value, rel=1e-6)


def test_a_model_from_a_file_is_loaded_from_its_copy_in_the_run(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from genbench_toys.autoencoder import Autoencoder\nclass Mine(Autoencoder): pass\n"
    )
    result = run(f"{path}:Mine")
    path.unlink()
    assert type(genbench.load(result.folder)).__name__ == "Mine"


def test_the_log_begins_with_who_took_part_and_their_versions(run: Run) -> None:
    log = (run("toy-ae").folder / "log.txt").read_text()
    assert "model 'toy-ae' (genbench-toys 0.3.1) code " in log
    assert "data set 'toy-squares' (genbench-toys 0.3.1) code " in log


def test_an_unknown_score_is_answered_with_the_nearest(run: Run) -> None:
    with pytest.raises(KeyError, match="Did you mean error"):
        run("toy-ae").score("eror")


def test_a_score_of_zero_is_a_score_and_one_that_does_not_apply_says_why(run: Run) -> None:
    assert run("toy-ae", options={"toy-distance": {"scale": 0.0}}).score("distance") == 0
    with pytest.raises(KeyError, match="the model has no sample"):
        run("toy-mean").score("distance")


def test_what_a_plugin_prints_goes_to_the_log(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    result = run("toy-faulty", options={"toy-faulty": {"fault": "prints"}})
    assert "hello from the plugin" in (result.folder / "log.txt").read_text()
    assert capfd.readouterr().out == ""


def test_hooks_of_installed_plugins_are_heard(run: Run) -> None:
    assert (run("toy-ae").folder / "heard.txt").read_text() == "ok\n"


def test_a_listener_that_raises_is_named_and_the_run_goes_on(run: Run) -> None:
    class Grumpy:
        @hookimpl
        def progressed(self, images: int) -> None:
            raise ValueError("leave me alone")

        @hookimpl
        def run_ended(self) -> None:
            raise AssertionError("heard after all")

    result = run("toy-ae", listeners=[Grumpy()])
    assert result.status == "ok"
    log = (result.folder / "log.txt").read_text()
    assert "Grumpy" in log
    assert "leave me alone" in log
    assert "heard after all" not in log


def test_a_listener_hears_the_whole_run_and_sees_the_evidence(run: Run) -> None:
    heard: list[str] = []

    class Ear:
        @hookimpl
        def run_started(self, run_id: str, spec: Mapping[str, Any]) -> None:
            heard.append(f"started {spec['model']['name']}")

        @hookimpl
        def evaluated(self, evidence: Evidence, rows: Sequence[Mapping[str, Any]]) -> None:
            heard.append(f"{len(evidence.samples)} samples")

        @hookimpl
        def run_ended(self, status: str, reason: str | None) -> None:
            heard.append(status)

    run("toy-ae", listeners=[Ear()])
    assert heard == ["started toy-ae", *["30 samples"] * 4, *["60 samples"] * 2, "ok"]


def test_what_fit_sets_for_an_evaluation_never_reaches_training(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "fitting.py"
    path.write_text(
        "import torch\n"
        "from genbench_toys.autoencoder import Autoencoder\n"
        "class Fitting(Autoencoder):\n"
        "    def __init__(self, data):\n"
        "        super().__init__(data)\n"
        "        self.register_buffer('scale', torch.ones(()))\n"
        "    def fit(self, train, rng):\n"
        "        self.scale.mul_(0.9)\n"
        "    def train_step(self, batch, step):\n"
        "        return super().train_step(batch._replace(x=batch.x * self.scale), step)\n"
    )
    few, many = (
        run(f"{path}:Fitting", protocol=_with_points(points)).score("error")
        for points in ((1.0,), (0.2, 0.4, 0.6, 0.8, 1.0))
    )
    assert few == many


def _with_points(points: tuple[float, ...]) -> Protocol:
    return Protocol.model_validate(
        {
            "name": "points",
            "dataset": "toy-squares",
            "metrics": ["toy-error"],
            "training": {"images": 400, "batch_size": 20, "average_half_life_images": 100},
            "evaluation": {
                "points": points, "samples": 60, "curve_samples": 30, "sampling_chunk": 25,
            },
        }
    )  # fmt: skip


def test_a_metric_of_the_end_sees_the_losses_and_scores_of_the_way(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    real = Distance.measure

    def noted(self: Distance, evidence: Any) -> Any:
        seen.append((evidence.real.name, evidence.weights, evidence.history))
        return real(self, evidence)

    monkeypatch.setattr(Distance, "measure", noted)
    result = run("toy-ae")
    split, weights, history = seen[-1]
    assert (split, weights) == ("test", "last")
    scores = [point for point in history.curve if point.metric == "toy-distance"]
    assert [(p.images, p.weights) for p in scores] == [
        (images, kind) for images in (200, 400) for kind in ("average", "last")
    ]
    rows = {(row["images"], row["weights"]): row["value"] for row in result.rows
            if row["score"] == "distance" and row["split"] == "validation"}  # fmt: skip
    assert {(p.images, p.weights): p.value for p in scores} == rows
    losses = [point for point in history.curve if point.metric is None]
    assert {point.images for point in losses} == {200, 400}
    assert all(0 < point.seconds <= history.train_seconds for point in history.curve)
    assert "curve" not in json.loads((result.folder / "run.json").read_text())["history"]


def test_no_more_losses_are_remembered_of_a_long_training_than_of_a_short_one() -> None:
    for images in (10**5, 10**7, 10**9):
        training = Training(images=images, batch_size=50, average_half_life_images=10)
        steps = range(READ_EVERY, images // 50 + 1, READ_EVERY)
        kept = sum(curve.is_kept(index, training) for index in steps)
        assert min(len(steps), 500) <= kept <= 1000


def test_scores_of_other_numbers_of_samples_or_another_split_never_share_a_key(
    run: Run, tiny: Protocol, tmp_path: Path
) -> None:
    fewer = tiny.model_copy(
        update={"evaluation": tiny.evaluation.model_copy(update={"samples": 40})}
    )
    other = run("toy-ae", protocol=fewer, results=tmp_path / "other")
    rows = [*run("toy-ae").rows, *other.rows]
    distances = [row for row in rows if row["score"] == "distance"]
    keys = {(row["protocol_fingerprint"], row["split"], row["fraction"], row["weights"])
            for row in distances}  # fmt: skip
    assert len({row["key"] for row in distances}) == len(keys) == 2 * 3 * 2
