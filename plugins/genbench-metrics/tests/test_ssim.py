from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import pytest
import torch
from torch import Tensor

from genbench.contract import DataSpec, Evidence, NotApplicable, Splits
from genbench.data import to_model
from genbench.errors import NotApplicableError
from genbench_metrics.ssim import SSIM, ssim

C1, C2 = 0.01**2, 0.03**2


def of_size(*shape: int) -> DataSpec:
    return DataSpec("images", "image", shape, 100)


def pair(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Smooth images in [-1, 1] and noisy ones of them: float32 (5, *shape) each."""
    rng = torch.Generator().manual_seed(seed)
    wave = torch.linspace(0, 6, shape[-1]).sin() * torch.linspace(0, 4, shape[-2]).cos()[:, None]
    x = 0.8 * wave.expand(5, *shape) + 0.1 * torch.randn(5, *shape, generator=rng)
    y = x + 0.2 * torch.rand(5, 1, 1, 1, generator=rng) * torch.randn(x.shape, generator=rng)
    return x.clamp(-1, 1), y.clamp(-1, 1)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 20), (1, 11, 11)], ids=str)
def test_it_is_scikit_images(shape: tuple[int, ...], evidence: Callable[..., Evidence]) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    x, y = pair(*shape)
    measured = SSIM().measure(evidence(originals=x, reconstructions=y, data=of_size(*shape)))
    theirs = [
        metrics.structural_similarity(
            a,
            b,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1.0,
            channel_axis=0,
        )
        for a, b in zip(((x.double() + 1) / 2).numpy(), ((y.double() + 1) / 2).numpy(), strict=True)
    ]
    assert measured["ssim"].value == pytest.approx(sum(theirs) / 5, rel=1e-6)
    spread = torch.tensor(theirs).std().item()
    assert measured["ssim"].error == pytest.approx(spread / math.sqrt(5), rel=1e-4)


def test_two_plain_greys_differ_by_their_brightness_alone(
    evidence: Callable[..., Evidence],
) -> None:
    x, y = torch.full((2, 1, 16, 16), -0.5), torch.full((2, 1, 16, 16), 0.5)  # 1/4 and 3/4
    measured = SSIM().measure(evidence(originals=x, reconstructions=y, data=of_size(1, 16, 16)))
    expected = (2 * 0.25 * 0.75 + C1) / (0.25**2 + 0.75**2 + C1)
    assert measured["ssim"].value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("window", [3, 5, 7])
def test_a_smaller_window_is_the_formula_window_by_window(
    window: int, digits: Splits, evidence: Callable[..., Evidence]
) -> None:
    x = to_model(digits.test.x[:3])
    y = (x + 0.3 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    total, windows = 0.0, 0
    place = torch.arange(window) - window // 2
    weights = torch.exp(-(place[:, None] ** 2 + place**2) / (2 * 1.5**2)).double()
    weights /= weights.sum()
    for a, b in zip((x.double() + 1) / 2, (y.double() + 1) / 2, strict=True):
        for i in range(9 - window):
            for j in range(9 - window):
                p, q = (image[0, i : i + window, j : j + window] for image in (a, b))
                mean_p, mean_q = (weights * p).sum(), (weights * q).sum()
                var_p = (weights * (p - mean_p) ** 2).sum()
                var_q = (weights * (q - mean_q) ** 2).sum()
                both = (weights * (p - mean_p) * (q - mean_q)).sum()
                top = (2 * mean_p * mean_q + C1) * (2 * both + C2)
                total += (top / ((mean_p**2 + mean_q**2 + C1) * (var_p + var_q + C2))).item()
                windows += 1
    measured = SSIM(window=window).measure(evidence(originals=x, reconstructions=y))
    assert measured["ssim"].value == pytest.approx(total / windows, rel=1e-9)


def test_an_exact_reconstruction_is_one_and_a_negative_is_below_zero(
    evidence: Callable[..., Evidence],
) -> None:
    x, _ = pair(1, 16, 16)
    for y, expected in ((x, 1.0), (-x, -0.5)):
        given = evidence(originals=x, reconstructions=y, data=of_size(1, 16, 16))
        assert SSIM().measure(given)["ssim"].value == pytest.approx(
            expected, abs=0.5 * (y is not x)
        )


@pytest.mark.parametrize("contrast", [1.0, 1e-2, 1e-4])
@pytest.mark.parametrize("brightness", [0.0, 0.2, 0.8])
def test_no_rounding_brings_it_above_one(contrast: float, brightness: float) -> None:
    rng = torch.Generator().manual_seed(0)
    x = (torch.rand(200, 1, 16, 16, generator=rng).double() * contrast + brightness).clamp(0, 1)
    assert (ssim(x, x.clone()) == 1).all()
    nearly = x + 1e-9 * torch.randn(x.shape, generator=rng).double()
    assert (ssim(x, nearly) <= 1).all()


def test_more_noise_is_less_similar(evidence: Callable[..., Evidence]) -> None:
    x, _ = pair(1, 20, 20)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    values = [
        SSIM()
        .measure(
            evidence(
                originals=x,
                reconstructions=(x + size * noise).clamp(-1, 1),
                data=of_size(1, 20, 20),
            )
        )["ssim"]
        .value
        for size in (0.05, 0.1, 0.2, 0.4)
    ]
    assert values == sorted(values, reverse=True)


def test_many_images_are_compared_in_blocks(
    evidence: Callable[..., Evidence], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = pair(1, 16, 16)
    given = evidence(originals=x, reconstructions=y, data=of_size(1, 16, 16))
    whole = SSIM().measure(given)["ssim"].value
    monkeypatch.setattr("genbench_metrics.pixels.CHUNK", 2 * 256)  # two images
    assert SSIM().measure(given)["ssim"].value == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize(
    ("shape", "fits"), [((1, 8, 8), 7), ((3, 40, 9), 9), ((1, 3, 4), 3), ((1, 32, 32), 11)], ids=str
)
def test_the_window_is_of_eleven_pixels_or_the_largest_that_fits(
    shape: tuple[int, ...], fits: int, evidence: Callable[..., Evidence]
) -> None:
    x, y = pair(*shape)
    given = evidence(originals=x, reconstructions=y, data=of_size(*shape))
    assert SSIM().measure(given) == SSIM(window=fits).measure(given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("window", "side"), [(11, 8), (9, 8), (None, 2)])
def test_images_smaller_than_a_window_have_no_score_and_say_so(
    window: Literal[9, 11] | None, side: int, evidence: Callable[..., Evidence]
) -> None:
    x = torch.zeros(2, 1, side, side)
    given = evidence(originals=x, reconstructions=x, data=of_size(1, side, side))
    assert SSIM(window=window).measure(given)["ssim"] == NotApplicable(
        f"images of {side}x{side} are smaller than a window of {window or 3}"
    )


def test_points_have_no_windows(evidence: Callable[..., Evidence]) -> None:
    x = torch.zeros(3, 2)
    given = evidence(originals=x, reconstructions=x, data=DataSpec("p", "points", (2,), 9))
    assert isinstance(SSIM().measure(given)["ssim"], NotApplicable)


def test_an_empty_split_is_an_error(evidence: Callable[..., Evidence]) -> None:
    x = torch.zeros(0, 1, 16, 16)
    given = evidence(originals=x, reconstructions=x, data=of_size(1, 16, 16))
    with pytest.raises(NotApplicableError, match="ssim needs at least 1 example, test is empty"):
        SSIM().measure(given)
