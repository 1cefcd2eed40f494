"""Evaluation on a CUDA device: the scores are those of a CPU, large data stays where it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import genbench
from genbench import data, registry
from genbench.api import Result
from genbench.contract import Examples
from genbench.data import DeviceSplit

pytestmark = pytest.mark.cuda

Run = Callable[..., Result]
DEVICE = torch.device("cuda", 0)


def test_the_same_samples_have_the_same_scores_on_both_devices() -> None:
    pytest.importorskip("torch_fidelity")
    metrics = [name for name in registry.catalogue("metric") if not name.startswith("toy-")]
    scores = {}
    for device in ("cpu", "cuda:0"):
        evaluator = genbench.Evaluator("digits", metrics=metrics, device=device)
        # Training images, dimmed: neither perfect nor far off.
        samples = (evaluator.train.x[:700].cpu().float() * 0.9).round().to(torch.uint8)
        scores[device] = evaluator(samples=samples)
    assert set(scores["cpu"]) == set(scores["cuda:0"])
    for name, value in scores["cpu"].items():
        assert scores["cuda:0"][name] == pytest.approx(value, rel=1e-3, abs=1e-6), name


class Deterministic(torch.nn.Module):
    """Everything that a model can offer without drawing, which no two devices do alike."""

    def __init__(self, loaded: genbench.Evaluator) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(0)
        self.code, self.density = (
            registry.load(registry.find("model", name))(loaded.data) for name in ("pca", "gmm")
        )
        with torch.no_grad():
            for part in (self.code, self.density):
                part.fit(loaded.train, rng)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.code.encode(x)

    def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
        return self.code.reconstruct(x)

    def log_likelihood(self, x: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        return self.density.log_likelihood(x, rng)


def test_a_model_has_the_same_scores_on_both_devices() -> None:
    names = ["reconstruction", "ssim", "bce", "compression", "reconstruction-gap"]
    names += ["linear-probe", "knn", "likelihood"]
    fitted = Deterministic(genbench.Evaluator("digits", metrics="reconstruction", device="cpu"))
    scores = {}
    for device in ("cpu", "cuda:0"):
        evaluator = genbench.Evaluator("digits", metrics=names, device=device)
        scores[device] = evaluator(fitted.to(device))
    expected = {
        "reconstruction.mse",
        "psnr",
        "ssim",
        "bce",
        "mse_gap",
        "linear_probe",
        "knn",
        "nll",
    }
    assert expected <= set(scores["cpu"]) == set(scores["cuda:0"])
    for name, value in scores["cpu"].items():
        assert scores["cuda:0"][name] == pytest.approx(value, rel=1e-3, abs=1e-6), name


def test_what_is_too_large_for_the_device_goes_there_batch_by_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    examples = Examples(torch.arange(60 * 4).view(60, 1, 2, 2).to(torch.uint8), torch.arange(60))
    there = DeviceSplit("train", examples, DEVICE)
    monkeypatch.setattr(data, "LARGEST_SHARE", 0.0)
    here = DeviceSplit("train", examples, DEVICE)
    assert (there.x.device.type, here.x.device.type) == ("cuda", "cpu")
    index = torch.tensor([3, 59, 0])
    for of_here, of_there in (
        (here.take(index), there.take(index.to(DEVICE))),
        *zip(here.batches(7), there.batches(7), strict=True),
    ):
        assert of_here.x.device == DEVICE
        assert torch.equal(of_here.x, of_there.x)
        assert torch.equal(of_here.y, of_there.y)  # type: ignore[arg-type]


def test_where_the_data_lies_changes_no_score(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = run("toy-ae", device="cuda", results=tmp_path / "there")
    monkeypatch.setattr(data, "LARGEST_SHARE", 0.0)
    here = run("toy-ae", device="cuda", results=tmp_path / "here")
    assert there.status == here.status == "ok"
    for one, other in zip(there.rows, here.rows, strict=True):
        assert one["value"] == other["value"] or one["hardware"], one["score"]
