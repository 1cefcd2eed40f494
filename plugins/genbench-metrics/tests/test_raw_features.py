"""Extractors that take the data as it is: pixels, and points."""

from __future__ import annotations

import pytest
import torch

from genbench_metrics.identity import Identity
from genbench_metrics.raw_pixels import Pixels


def test_pixels_are_flattened_from_black_to_white() -> None:
    x = torch.tensor([[[[0, 255]], [[51, 0]]]], dtype=torch.uint8)  # (1, 2, 1, 2)
    features = Pixels()(x)
    assert features.dtype == torch.float32
    torch.testing.assert_close(features, torch.tensor([[-1.0, 1.0, -0.6, -1.0]]))


def test_no_images_have_as_many_pixels() -> None:
    assert Pixels()(torch.zeros(0, 3, 4, 4, dtype=torch.uint8)).shape == (0, 48)


def test_points_are_their_own_features() -> None:
    x = torch.randn(5, 2)
    assert torch.equal(Identity()(x), x)


@pytest.mark.parametrize("x", [torch.zeros(2, 1, 8, 8), torch.zeros(2, 64, dtype=torch.uint8)])
def test_pixels_of_anything_but_images_are_refused(x: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"pixels takes uint8 images of shape \(N, C, H, W\), not"):
        Pixels()(x)


@pytest.mark.parametrize(
    "x", [torch.zeros(2, 1, 8, 8), torch.zeros(2, 3, dtype=torch.uint8), torch.zeros(3)]
)
def test_anything_but_points_is_refused(x: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"identity takes points, float32 of shape \(N, D\), not"):
        Identity()(x)


def test_neither_has_weights_and_both_have_fingerprints_of_their_own() -> None:
    assert Pixels().fingerprint != Identity().fingerprint
    assert Pixels().to(torch.device("cpu")).fingerprint == Pixels().fingerprint
    assert Identity().to(torch.device("cpu")).fingerprint == Identity().fingerprint
