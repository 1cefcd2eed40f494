from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from genbench.contract import DataSpec, Evidence, NotApplicable
from genbench.errors import NotApplicableError
from genbench_metrics.bce import BCE


def test_it_is_the_cross_entropy_of_two_probabilities(evidence: Callable[..., Evidence]) -> None:
    x, y = torch.full((4, 1, 8, 8), -0.5), torch.full((4, 1, 8, 8), 0.2)  # p = 1/4, q = 0.6
    measured = BCE().measure(evidence(originals=x, reconstructions=y))["bce"]
    assert measured.value == pytest.approx(-0.25 * math.log(0.6) - 0.75 * math.log(0.4), rel=1e-6)
    assert measured.error == pytest.approx(0, abs=1e-9)


def test_an_exact_reconstruction_has_the_entropy_of_its_pixels_and_no_less(
    evidence: Callable[..., Evidence],
) -> None:
    grey = torch.zeros(3, 1, 8, 8)
    assert BCE().measure(evidence(originals=grey, reconstructions=grey))["bce"].value == (
        pytest.approx(math.log(2))
    )
    near = BCE().measure(evidence(originals=grey, reconstructions=grey + 0.1))["bce"].value
    assert near > math.log(2)
    black_and_white = grey.clone().fill_(-1)
    black_and_white[..., ::2] = 1
    given = evidence(originals=black_and_white, reconstructions=black_and_white)
    assert BCE().measure(given)["bce"].value == 0


def test_what_is_sure_and_wrong_costs_a_hundred_nats_and_no_infinity(
    evidence: Callable[..., Evidence],
) -> None:
    white = torch.ones(3, 1, 8, 8)
    assert BCE().measure(evidence(originals=white, reconstructions=-white))["bce"].value == 100


def test_it_is_torchs_on_any_images(evidence: Callable[..., Evidence]) -> None:
    rng = torch.Generator().manual_seed(0)
    x, y = (torch.rand(6, 3, 9, 7, generator=rng) * 2 - 1 for _ in range(2))
    given = evidence(originals=x, reconstructions=y, data=DataSpec("c", "image", (3, 9, 7), 6))
    theirs = torch.nn.functional.binary_cross_entropy((y + 1) / 2, (x + 1) / 2).item()
    assert BCE().measure(given)["bce"].value == pytest.approx(theirs, rel=1e-6)


def test_points_are_no_probabilities(evidence: Callable[..., Evidence]) -> None:
    x = torch.zeros(3, 2)
    given = evidence(originals=x, reconstructions=x, data=DataSpec("p", "points", (2,), 9))
    assert isinstance(BCE().measure(given)["bce"], NotApplicable)


def test_an_empty_split_is_an_error(evidence: Callable[..., Evidence]) -> None:
    x = torch.zeros(0, 1, 8, 8)
    with pytest.raises(NotApplicableError, match="bce needs at least 1 example, test is empty"):
        BCE().measure(evidence(originals=x, reconstructions=x))
