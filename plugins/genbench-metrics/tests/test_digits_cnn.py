from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from genbench.contract import Examples, Splits
from genbench_metrics import digits_cnn
from genbench_metrics.digits_cnn import BLOCK, WEIGHTS, DigitsCNN, train
from genbench_metrics.digits_cnn.network import Network
from genbench_metrics.fid import frechet_distance

FINGERPRINT = "0a549202a67caba8674dc8a77e559a15919f9dc753b06634c5582b54ef909fac"


def test_features_are_float32_rows_whose_mean_square_over_training_images_is_one(
    extractor: DigitsCNN, digits: Splits
) -> None:
    features = extractor(digits.train.x)
    assert features.shape == (898, 64)
    assert features.dtype == torch.float32
    assert features.square().mean().item() == pytest.approx(1, rel=1e-5)


def test_every_feature_tells_digits_apart(extractor: DigitsCNN, digits: Splits) -> None:
    assert extractor(digits.test.x).std(0).min() > 0.05


def test_the_shipped_network_names_97_of_100_test_digits(digits: Splits) -> None:
    network = Network()
    network.load_state_dict(load_file(WEIGHTS))
    accuracy, _ = train.judge(network.eval(), digits.test)
    assert accuracy >= 0.97


def test_logits_are_those_of_the_whole_network(extractor: DigitsCNN, digits: Splits) -> None:
    network = Network()
    network.load_state_dict(load_file(WEIGHTS))
    with torch.no_grad():
        expected = network.eval()(digits.test.x.float() / 255)
    logits = extractor.logits(extractor(digits.test.x))
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-4)
    assert torch.equal(logits.argmax(1), expected.argmax(1))


def test_logits_of_other_features_are_refused(extractor: DigitsCNN) -> None:
    with pytest.raises(ValueError, match=r"logits of features \(N, 64\), not \(3, 10\)"):
        extractor.logits(torch.zeros(3, 10))


def test_a_gaussian_of_pixels_scores_far_worse_than_the_floor(
    extractor: DigitsCNN, digits: Splits
) -> None:
    pixels = digits.train.x.flatten(1).double()
    jitter = 1e-3 * torch.eye(64, dtype=torch.float64)  # some pixels are always empty
    factor = torch.linalg.cholesky(pixels.T.cov() + jitter)
    noise = torch.randn(2000, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    samples = (pixels.mean(0) + noise @ factor.T).clamp(0, 255).round().to(torch.uint8)
    real = extractor(digits.test.x)
    floor = frechet_distance(extractor(digits.train.x), real)
    assert frechet_distance(extractor(samples.view(-1, 1, 8, 8)), real) > 30 * floor


def test_more_noise_is_a_larger_distance(extractor: DigitsCNN, digits: Splits) -> None:
    real = extractor(digits.test.x)
    noise = torch.randn(digits.train.x.shape, generator=torch.Generator().manual_seed(0))
    distances = [
        frechet_distance(
            extractor((digits.train.x + sigma * noise).clamp(0, 255).to(torch.uint8)), real
        )
        for sigma in (0, 15, 30, 60)
    ]
    assert distances == sorted(distances)


def test_features_do_not_depend_on_how_images_are_divided(
    extractor: DigitsCNN, digits: Splits
) -> None:
    x = digits.train.x
    assert len(x) > BLOCK
    apart = torch.cat([extractor(part) for part in x.split(97)])
    torch.testing.assert_close(extractor(x), apart, rtol=1e-5, atol=1e-5)


def test_no_images_have_no_features(extractor: DigitsCNN) -> None:
    assert extractor(torch.zeros(0, 1, 8, 8, dtype=torch.uint8)).shape == (0, 64)


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(2, 1, 8, 8),
        torch.zeros(2, 3, 8, 8, dtype=torch.uint8),
        torch.zeros(2, 1, 28, 28, dtype=torch.uint8),
        torch.zeros(2, 64, dtype=torch.uint8),
    ],
    ids=["float", "colour", "large", "flat"],
)
def test_other_images_are_refused(extractor: DigitsCNN, x: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"takes uint8 images of shape \(N, 1, 8, 8\), not"):
        extractor(x)


def test_the_ruler_is_the_one_that_published_scores_were_measured_with() -> None:
    assert DigitsCNN().fingerprint == FINGERPRINT


def test_other_weights_have_another_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = load_file(WEIGHTS)
    weights["head.bias"][0] += 1
    save_file(weights, tmp_path / "weights.safetensors")
    monkeypatch.setattr(digits_cnn, "WEIGHTS", tmp_path / "weights.safetensors")
    assert DigitsCNN().fingerprint != FINGERPRINT


def test_the_same_recipe_and_seed_train_the_same_network(digits: Splits) -> None:
    assert digits.train.y is not None
    few = Examples(digits.train.x[:256], digits.train.y[:256])
    recipe = replace(train.CHOSEN, epochs=2)
    one, two, other = (train.train(recipe, few, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_ten_thousand_images_take_about_a_second(extractor: DigitsCNN) -> None:
    x = torch.zeros(10_000, 1, 8, 8, dtype=torch.uint8)
    extractor(x[:1000])
    started = time.perf_counter()
    extractor(x)
    assert time.perf_counter() - started < 5  # several times what it takes on a busy machine


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_measures_the_same(extractor: DigitsCNN, digits: Splits) -> None:
    there = DigitsCNN().to(torch.device("cuda"))(digits.test.x.cuda())
    here = extractor(digits.test.x)
    torch.testing.assert_close(there.cpu(), here, rtol=1e-5, atol=1e-5)
    logits = DigitsCNN().to(torch.device("cuda")).logits(there)
    torch.testing.assert_close(logits.cpu(), extractor.logits(here), rtol=1e-4, atol=1e-4)
