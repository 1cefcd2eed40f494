from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from genbench.contract import DataSpec, Evidence, Measurement, NotApplicable
from genbench.errors import NotApplicableError
from genbench_metrics.compression import Compression
from genbench_metrics.reconstruction import Reconstruction

X = torch.zeros(3, 1, 8, 8)


def test_sizes_are_counted_in_numbers_and_in_bits(evidence: Callable[..., Evidence]) -> None:
    given = evidence(originals=X, reconstructions=X + 0.5, codes=torch.zeros(3, 4))
    assert Compression().measure(given) == {
        "code_size": 4.0,
        "code_bits": 128.0,
        "compression_ratio": 64 * 8 / 128,  # 64 pixels of 256 levels
        "mse": Measurement(0.25, 0.0),
    }


def test_a_pixel_of_seventeen_levels_has_just_over_four_bits(
    evidence: Callable[..., Evidence],
) -> None:
    data = DataSpec("digits", "image", (1, 8, 8), 898, 10, levels=17)
    given = evidence(originals=X, reconstructions=X, codes=torch.zeros(3, 8), data=data)
    ratio = Compression().measure(given)["compression_ratio"]
    assert ratio == pytest.approx(64 * math.log2(17) / 256)


def test_continuous_points_have_the_bits_of_their_floats(evidence: Callable[..., Evidence]) -> None:
    x = torch.zeros(3, 6)
    data = DataSpec("points", "points", (6,), 9, levels=None)
    given = evidence(originals=x, reconstructions=x, codes=torch.zeros(3, 12), data=data)
    assert Compression().measure(given)["compression_ratio"] == 0.5


def test_its_error_is_that_of_reconstruction(evidence: Callable[..., Evidence]) -> None:
    y = torch.randn(X.shape, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    given = evidence(originals=X, reconstructions=y, codes=torch.zeros(3, 4))
    assert Compression().measure(given)["mse"] == Reconstruction().measure(given)["mse"]


def test_an_empty_code_has_no_ratio(evidence: Callable[..., Evidence]) -> None:
    measured = Compression().measure(
        evidence(originals=X, reconstructions=X, codes=torch.zeros(3, 0))
    )
    assert measured["code_bits"] == 0
    assert measured["compression_ratio"] == NotApplicable("the code is empty")


def test_an_empty_split_is_an_error(evidence: Callable[..., Evidence]) -> None:
    given = evidence(originals=X[:0], reconstructions=X[:0], codes=torch.zeros(0, 4))
    with pytest.raises(NotApplicableError, match="compression needs at least 1 example"):
        Compression().measure(given)
