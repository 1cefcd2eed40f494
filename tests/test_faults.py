"""What a plugin may do wrong: the run ends with a status, a reason and a row."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import genbench
from genbench.api import Result
from genbench.errors import UsageError

Run = Callable[..., Result]


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


def test_an_interrupted_run_is_the_last_one(tiny: Any, tmp_path: Path) -> None:
    results = genbench.run(
        ["toy-faulty", "toy-ae"],
        options={"toy-faulty": {"fault": "interrupts"}},
        protocol=tiny,
        results=tmp_path,
        device="cpu",
    )
    assert [result.status for result in results] == ["interrupted"]


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
    assert run("toy-ae").score("clipped_fraction") < 1


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


def test_scores_of_the_metrics_before_the_one_that_fails_stay(run: Run, tmp_path: Path) -> None:
    broken = _metric(tmp_path, "None")
    result = run("toy-ae", metrics=["toy-error", broken])
    assert result.status == "failed"
    kept = {(row["metric"], row["split"]) for row in result.rows if row["value"] is not None}
    assert kept == {("toy-error", "validation")}


def test_a_metric_that_has_too_little_to_measure_says_so_and_the_run_goes_on(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "choosy.py"
    path.write_text(
        "from genbench import Score\n"
        "from genbench.errors import NotApplicableError\n"
        "class Choosy:\n"
        "    version, needs, scores = '1', ('sample',), (Score('choosy'),)\n"
        "    def measure(self, evidence):\n"
        "        raise NotApplicableError('choosy needs at least 9,999 samples, there are 60')\n"
    )
    result = run("toy-ae", metrics=[f"{path}:Choosy", "toy-error"])
    assert result.status == "ok", result.reason
    reasons = {row["reason"] for row in result.rows if row["score"] == "choosy"}
    assert reasons == {"choosy needs at least 9,999 samples, there are 60"}
    assert isinstance(result.score("error"), float)


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
