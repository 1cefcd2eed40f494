from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from genbench.contract import Splits
from genbench_metrics import digits_cnn
from genbench_metrics.digits_cnn import DigitsCNN
from genbench_metrics.stacked_digits_cnn import StackedDigitsCNN


@pytest.fixture(scope="module")
def stacks(digits: Splits) -> torch.Tensor:
    """Stacks of three test digits each, uint8 (239, 3, 8, 8)."""
    return digits.test.x[:717].view(239, 3, 8, 8)


@pytest.fixture(scope="module")
def stacked() -> StackedDigitsCNN:
    return StackedDigitsCNN()


def test_features_are_those_of_the_channels_side_by_side(
    stacked: StackedDigitsCNN, extractor: DigitsCNN, stacks: torch.Tensor
) -> None:
    features = stacked(stacks)
    assert features.shape == (239, 192)
    assert features.dtype == torch.float32
    apart = [extractor(stacks[:, channel : channel + 1]) for channel in range(3)]
    torch.testing.assert_close(features, torch.cat(apart, 1), rtol=1e-5, atol=1e-5)


def test_the_probability_of_a_number_is_the_product_of_those_of_its_digits(
    stacked: StackedDigitsCNN, extractor: DigitsCNN, stacks: torch.Tensor
) -> None:
    joint = stacked.logits(stacked(stacks)).double().exp()  # log-probabilities already
    assert joint.shape == (239, 1000)
    torch.testing.assert_close(joint.sum(1), torch.ones_like(joint[:, 0]), rtol=1e-5, atol=0)
    red, green, blue = (
        extractor.logits(extractor(stacks[:, c : c + 1])).double().softmax(1) for c in range(3)
    )
    for number in (0, 7, 42, 250, 999):
        product = red[:, number // 100] * green[:, number // 10 % 10] * blue[:, number % 10]
        torch.testing.assert_close(joint[:, number], product, rtol=1e-3, atol=1e-7)


def test_it_reads_95_of_100_stacks_of_test_digits(
    stacked: StackedDigitsCNN, stacks: torch.Tensor, digits: Splits
) -> None:
    assert digits.test.y is not None
    hundreds, tens, ones = digits.test.y[:717].view(239, 3).unbind(1)
    read = stacked.logits(stacked(stacks)).argmax(1)
    assert (read == 100 * hundreds + 10 * tens + ones).double().mean() >= 0.94


def test_no_images_have_no_features_and_no_numbers(stacked: StackedDigitsCNN) -> None:
    features = stacked(torch.zeros(0, 3, 8, 8, dtype=torch.uint8))
    assert features.shape == (0, 192)
    assert stacked.logits(features).shape == (0, 1000)


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(2, 3, 8, 8),
        torch.zeros(2, 1, 8, 8, dtype=torch.uint8),
        torch.zeros(2, 3, 28, 28, dtype=torch.uint8),
    ],
    ids=["float", "grey", "large"],
)
def test_other_images_are_refused(stacked: StackedDigitsCNN, x: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"takes uint8 images of shape \(N, 3, 8, 8\), not"):
        stacked(x)


def test_it_is_another_ruler_than_that_of_a_channel(stacked: StackedDigitsCNN) -> None:
    assert stacked.fingerprint == StackedDigitsCNN().fingerprint != DigitsCNN().fingerprint


def test_other_weights_have_another_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stacked: StackedDigitsCNN
) -> None:
    weights = load_file(digits_cnn.WEIGHTS)
    weights["head.bias"][0] += 1
    save_file(weights, tmp_path / "weights.safetensors")
    monkeypatch.setattr(digits_cnn, "WEIGHTS", tmp_path / "weights.safetensors")
    assert StackedDigitsCNN().fingerprint != stacked.fingerprint


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_measures_the_same(stacked: StackedDigitsCNN, stacks: torch.Tensor) -> None:
    there = StackedDigitsCNN().to(torch.device("cuda"))
    features = there(stacks.cuda())
    torch.testing.assert_close(features.cpu(), stacked(stacks), rtol=1e-5, atol=1e-5)
    expected = stacked.logits(stacked(stacks))
    torch.testing.assert_close(there.logits(features).cpu(), expected, rtol=1e-3, atol=1e-3)
