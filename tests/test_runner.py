"""One run from spec to rows, in this process, with toy plugins."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from genbench_toys.pixels import Pixels
from genbench_toys.squares import Squares
from PIL import Image

import genbench
from genbench.api import Result
from genbench.contract import Evidence
from genbench.data import to_model
from genbench.errors import UsageError
from genbench.hookspecs import hookimpl
from genbench.leaderboard import store
from genbench.protocol import Protocol

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


# -------------------------------------------------------------------------- the run's folder


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


# --------------------------------------------------------------------------------- what fails


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        ("refuses-shape", "failed", r"'toy-faulty' \(genbench-toys 0\.3\.1\) does not take image "
         r"data of shape \(1, 8, 8\) .*takes shapes of 64x64 and up"),
        ("raises-in-constructor", "failed", r"KeyError: .*own bug.*\(faulty\.py:\d+ in __init__\)"),
        ("raises-in-step", "failed",
         r"RuntimeError: the sky fell \[bold\]hard.*\(faulty\.py:\d+ in train_step\)"),
        ("raises-in-sample", "failed",
         r"RuntimeError: no samples today \(faulty\.py:\d+ in sample\)"),
        ("unknown-optimizer", "failed", r"no 'autoencodr'\. Did you mean autoencoder\?"),
        ("loss-without-gradient", "failed", r"not a tensor of shape \(\) without a gradient"),
        ("loss-is-a-float", "failed", r"must return scalar tensors by name"),
        ("diverges", "diverged", r"The loss 'reconstruction' was inf at 280 images"),
        ("out-of-memory", "out-of-memory", r"tried to allocate 999 GiB"),
        ("interrupts", "interrupted", r"It was interrupted"),
        ("sample-shape", "failed",
         r"sample\(25\) was asked for float32 \(25, 1, 8, 8\); float32 \(25, 64\) came"),
        ("sample-dtype", "failed",
         r"sample\(25\) was asked for float32 \(25, 1, 8, 8\); float64 \(25, 1, 8, 8\) came"),
        ("sample-nan", "failed", r"64 of 1600 values are NaN or infinite"),
    ],
)  # fmt: skip
def test_a_fault_ends_its_run_with_a_status_a_reason_and_a_row(
    run: Run, fault: str, status: str, reason: str
) -> None:
    result = run("toy-faulty", options={"toy-faulty": {"fault": fault}})
    assert result.status == status
    row = result.rows[-1]
    assert (row["status"], row["metric"]) == (status, None)
    assert re.search(reason, row["reason"])
    assert "Traceback" in (result.folder / "log.txt").read_text()
    assert json.loads((result.folder / "run.json").read_text())["status"] == status


def test_the_log_begins_with_who_took_part_and_their_versions(run: Run) -> None:
    log = (run("toy-ae").folder / "log.txt").read_text()
    assert "model 'toy-ae' (genbench-toys 0.3.1) code " in log
    assert "data set 'toy-squares' (genbench-toys 0.3.1) code " in log


def test_an_unknown_score_is_answered_with_the_nearest(run: Run) -> None:
    with pytest.raises(KeyError, match="Did you mean error"):
        run("toy-ae").score("eror")


def test_an_interrupted_run_is_the_last_one(tiny: Any, tmp_path: Path) -> None:
    results = genbench.run(
        ["toy-faulty", "toy-ae"],
        options={"toy-faulty": {"fault": "interrupts"}},
        protocol=tiny,
        results=tmp_path,
        device="cpu",
    )
    assert [result.status for result in results] == ["interrupted"]


def test_a_score_of_zero_is_a_score_and_one_that_does_not_apply_says_why(run: Run) -> None:
    assert run("toy-ae", options={"toy-distance": {"scale": 0.0}}).score("distance") == 0
    with pytest.raises(KeyError, match="the model has no sample"):
        run("toy-mean").score("distance")


def test_a_results_folder_that_cannot_be_written_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        UsageError, match=r"results folder .*file.* cannot be written: .* is a file"
    ):
        run("toy-ae", results=tmp_path / "file" / "results")


def test_a_diverged_run_keeps_its_earlier_scores(run: Run) -> None:
    result = run("toy-faulty", options={"toy-faulty": {"fault": "diverges"}})
    kept = {(row["split"], row["fraction"]) for row in result.rows if row["value"] is not None}
    assert kept == {("validation", 0.5)}


def test_samples_outside_the_range_are_clipped_and_the_fraction_is_a_score(run: Run) -> None:
    result = run("toy-faulty", options={"toy-faulty": {"fault": "sample-too-bright"}})
    assert result.status == "ok"
    row = next(row for row in result.rows if row["score"] == "clipped_fraction")
    assert row["value"] == 1.0
    assert final(run("toy-ae"))["clipped_fraction"] < 1


def test_a_metric_that_gives_nan_fails_the_run(run: Run) -> None:
    result = run("toy-ae", options={"toy-error": {"broken": True}})
    assert result.status == "failed"
    assert "The metric 'toy-error' gave Measurement(value=nan" in str(result.reason)


def test_a_run_that_fails_does_not_keep_the_others_from_running(tiny: Any, tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("raise ImportError('not today')")
    results = genbench.run(
        [f"{path}:Broken", "toy-ae"], protocol=tiny, results=tmp_path / "results", device="cpu"
    )
    assert [result.status for result in results] == ["failed", "ok"]
    assert "could not be imported: ImportError: not today" in str(results[0].reason)


def test_what_a_plugin_prints_goes_to_the_log(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    result = run("toy-faulty", options={"toy-faulty": {"fault": "prints"}})
    assert "hello from the plugin" in (result.folder / "log.txt").read_text()
    assert capfd.readouterr().out == ""


# --------------------------------------------------------------------------------------- hooks


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


# -------------------------------------------------------------------------------------- reuse


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
    assert sorted(names) == [".locks", first.run_id]


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


def test_a_buffer_whose_size_fit_decides_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "growing.py"
    path.write_text(
        "import torch\n"
        "from genbench_toys.mean import Mean\n"
        "class Growing(Mean):\n"
        "    def fit(self, train, rng):\n"
        "        self.mean = torch.zeros(len(train))\n"
    )
    reason = str(run(f"{path}:Growing").reason)
    assert "fit() made the buffer 'mean' (60,); in the constructor it was (1, 8, 8)" in reason


@pytest.mark.parametrize("gives", ["torch.tensor(0.5)", "numpy.float32(0.5)", "1", "True"])
def test_a_metric_may_give_any_number(run: Run, tmp_path: Path, gives: str) -> None:
    result = run("toy-ae", metrics=[_metric(tmp_path, gives)])
    assert result.status == "ok", result.reason
    assert isinstance(result.score("mine"), float)


@pytest.mark.parametrize(
    "gives", ["'high'", "None", "Measurement(0.5, error=float('nan'))", "float('inf')"]
)
def test_a_metric_that_gives_no_number_fails_the_run_by_name(
    run: Run, tmp_path: Path, gives: str
) -> None:
    result = run("toy-ae", metrics=[_metric(tmp_path, gives)])
    assert result.status == "failed"
    assert "The metric 'Mine' gave" in str(result.reason)


def test_two_metrics_of_one_name_from_two_files_have_two_keys(run: Run, tmp_path: Path) -> None:
    keys = set()
    for gives in ("1.0", "2.0"):
        rows = run("toy-ae", metrics=[_metric(tmp_path, gives)]).rows
        keys |= {r["key"] for r in rows if (r["score"], r["split"]) == ("mine", "test")}
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("version = 1", "has version 1, which must be text"),
        ("needs = 'sample'", "which must be a tuple"),
        ("needs = ('samples',)", "needs 'samples', which nothing offers. Did you mean sample"),
        ("scores = ('mine',)", "a tuple of genbench.Score"),
        ("measure = None; del measure", "has no 'measure'"),
        ("def measure(self, evidence): return 0.5", "gave float; measure() gives values by score"),
        ("def measure(self, evidence): return {'mine': 1, 'more': 2}", "do not list: ['more']"),
        ("def measure(self, evidence): return {}", "gave no value for its score 'mine'"),
    ],
)
def test_a_metric_that_breaks_the_contract_says_how(
    run: Run, tmp_path: Path, change: str, message: str
) -> None:
    reference = _metric(tmp_path, "1.0")
    path = Path(reference.rpartition(":")[0])
    source = path.read_text()
    if "measure = None" in change:
        source, change = source.replace("measure", "measured"), ""
    path.write_text(f"{source}    {change}\n")
    result = run("toy-ae", metrics=[reference])
    assert result.status == "failed"
    assert message in str(result.reason)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def __init__(self): super().__init__()", "must take DataSpec first, then options"),
        ("optimizers = None", "has train_step but no optimizers"),
        ("train_step = None", "has no train_step and no fit"),
    ],
)
def test_a_model_that_breaks_the_contract_says_how(
    run: Run, tmp_path: Path, body: str, message: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        f"from genbench_toys.autoencoder import Autoencoder\nclass Mine(Autoencoder):\n    {body}\n"
    )
    assert message in str(run(f"{path}:Mine").reason)


def test_a_class_of_a_script_is_run_without_running_the_script_again(
    tmp_path: Path, tiny_file: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import genbench\n"
        "from genbench_toys.autoencoder import Autoencoder\n"
        "class Mine(Autoencoder): ...\n"
        f"print(genbench.run(Mine, protocol={str(tiny_file)!r}, seeds=1, device='cpu'))\n"
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.count("status='ok'") == 1, done.stderr
    assert len(done.stdout) < 500


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("class M: ...\nimport genbench; genbench.run(M)", "stands in no file"),
        (
            "import genbench, genbench_toys.mean as m\ndef f():\n    class M: ...\n"
            "    M.__module__ = m.__name__\n    return M\ngenbench.run(f())",
            "stands",
        ),
    ],
)
def test_a_class_that_nobody_could_import_again_is_refused(program: str, message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert f"UsageError: The class M {message}" in done.stderr or message in done.stderr


def test_a_damaged_checkpoint_is_no_result_to_reuse(run: Run) -> None:
    first = run("toy-ae")
    (first.folder / "checkpoint.safetensors").write_bytes(b"")
    elsewhere = run("toy-ae", metrics=["toy-error"])
    assert elsewhere.status == "ok"
    assert "Until then it is trained here once more" in (elsewhere.folder / "log.txt").read_text()
    again = run("toy-ae")
    assert again.rows[0]["created"] > first.rows[0]["created"]
    assert again.score("error") == first.score("error") == elsewhere.score("error")


def _metric(folder: Path, gives: str) -> str:
    path = folder / "metric.py"
    path.write_text(
        "import numpy, torch\n"
        "from genbench import Measurement, Score\n"
        "class Mine:\n"
        "    version, needs, scores = '1', (), (Score('mine'),)\n"
        f"    def measure(self, evidence): return {{'mine': {gives}}}\n"
    )
    return f"{path}:Mine"


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
