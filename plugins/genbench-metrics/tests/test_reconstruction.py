from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from genbench.contract import DataSpec, Evidence, Measurement, NotApplicable
from genbench.errors import NotApplicableError
from genbench_metrics.reconstruction import Reconstruction

POINTS = DataSpec("points", "points", (2,), 100)


def test_mse_and_psnr_of_images_are_the_closed_forms(evidence: Callable[..., Evidence]) -> None:
    black = torch.full((4, 1, 8, 8), -1.0)
    measured = Reconstruction().measure(evidence(originals=black, reconstructions=black + 0.02))
    assert measured["mse"].value == pytest.approx(0.0004, rel=1e-4)
    assert measured["psnr"].value == pytest.approx(40, rel=1e-4)  # 2 / 0.02 is 100


def test_black_for_white_is_four_and_no_decibel(evidence: Callable[..., Evidence]) -> None:
    white = torch.ones(3, 1, 8, 8)
    measured = Reconstruction().measure(evidence(originals=white, reconstructions=-white))
    assert measured == {"mse": Measurement(4.0, 0.0), "psnr": Measurement(0.0, 0.0)}


def test_the_error_of_mse_is_the_standard_error_over_examples(
    evidence: Callable[..., Evidence],
) -> None:
    originals = torch.zeros(2, 1, 1, 1)
    given = evidence(originals=originals, reconstructions=torch.tensor([1.0, 0.0]).view(2, 1, 1, 1))
    assert Reconstruction().measure(given)["mse"] == Measurement(0.5, pytest.approx(0.5))


def test_one_example_has_no_error(evidence: Callable[..., Evidence]) -> None:
    one = torch.ones(1, 1, 8, 8)
    measured = Reconstruction().measure(evidence(originals=one, reconstructions=one / 2))
    assert measured["mse"] == Measurement(0.25)
    assert measured["psnr"].error is None


def test_one_exact_image_among_others_leaves_psnr_finite(
    evidence: Callable[..., Evidence],
) -> None:
    originals = torch.zeros(2, 1, 8, 8)
    reconstructions = originals.clone()
    reconstructions[1] = 0.1
    given = evidence(originals=originals, reconstructions=reconstructions)
    assert Reconstruction().measure(given)["psnr"].value == pytest.approx(29.03, abs=0.01)


def test_exact_reconstructions_have_no_psnr(evidence: Callable[..., Evidence]) -> None:
    x = torch.rand(3, 1, 8, 8)
    measured = Reconstruction().measure(evidence(originals=x, reconstructions=x))
    assert measured["mse"] == Measurement(0.0, 0.0)
    assert isinstance(measured["psnr"], NotApplicable)


def test_psnr_is_scikit_images_of_the_whole_split_and_not_its_mean_over_images(
    evidence: Callable[..., Evidence],
) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(6, 3, 8, 8, generator=rng) * 2 - 1
    noise = torch.randn(x.shape, generator=rng) * torch.linspace(0.05, 0.5, 6).view(6, 1, 1, 1)
    y = (x + noise).clamp(-1, 1)
    psnr = Reconstruction().measure(evidence(originals=x, reconstructions=y))["psnr"].value
    a, b = x.double().numpy(), y.double().numpy()
    whole = metrics.peak_signal_noise_ratio(a, b, data_range=2.0)
    assert psnr == pytest.approx(whole, rel=1e-6)
    each = [
        metrics.peak_signal_noise_ratio(p, q, data_range=2.0) for p, q in zip(a, b, strict=True)
    ]
    assert sum(each) / 6 > psnr + 1


def test_points_have_an_mse_and_no_psnr(evidence: Callable[..., Evidence]) -> None:
    x = torch.zeros(3, 2)
    measured = Reconstruction().measure(evidence(originals=x, reconstructions=x + 3, data=POINTS))
    assert measured["mse"].value == 9
    assert isinstance(measured["psnr"], NotApplicable)


def test_an_empty_split_is_an_error(evidence: Callable[..., Evidence]) -> None:
    x = torch.zeros(0, 1, 8, 8)
    with pytest.raises(NotApplicableError, match="at least 1 example, test is empty"):
        Reconstruction().measure(evidence(originals=x, reconstructions=x))
