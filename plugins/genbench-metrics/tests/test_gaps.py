"""The gaps between what was shown and what was not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from genbench.contract import Evidence, Measurement, Splits
from genbench.errors import NotApplicableError
from genbench_metrics.digits_cnn import DigitsCNN
from genbench_metrics.fid import frechet_distance
from genbench_metrics.fid_gap import FIDGap
from genbench_metrics.reconstruction_gap import ReconstructionGap


def test_training_images_given_back_have_a_gap_and_equal_splits_have_none(
    evidence: Callable[..., Evidence], extractor: DigitsCNN, digits: Splits
) -> None:
    train, test = extractor(digits.train.x), extractor(digits.test.x)
    copied = FIDGap().measure(
        evidence(sample_features=train, real_features=test, train_features=train)
    )["fid_gap"]
    same = FIDGap().measure(
        evidence(sample_features=train, real_features=test, train_features=test)
    )["fid_gap"]
    assert same == 0
    # Against 719 of the very images that were sampled the distance is all but gone.
    assert 0.5 * frechet_distance(train, test) < copied < frechet_distance(train, test)


def test_as_many_images_of_both_splits_are_taken(evidence: Callable[..., Evidence]) -> None:
    x = torch.randn(400, 8, generator=torch.Generator().manual_seed(0))
    samples = torch.randn(400, 8, generator=torch.Generator().manual_seed(1))
    given = evidence(sample_features=samples, real_features=x[:100], train_features=x[100:])
    # All 300 would have a smaller FID for their number alone, and so a gap of about 0.3.
    unequal = frechet_distance(samples, x[:100]) - frechet_distance(samples, x[100:])
    assert abs(FIDGap().measure(given)["fid_gap"]) < 0.7 * unequal


def test_the_gap_of_reconstructions_is_the_difference_of_two_errors(
    evidence: Callable[..., Evidence],
) -> None:
    given = evidence(
        originals=torch.zeros(3, 1, 8, 8),
        reconstructions=torch.full((3, 1, 8, 8), 0.5),
        train_originals=torch.zeros(5, 1, 8, 8),
        train_reconstructions=torch.full((5, 1, 8, 8), -0.3),
    )
    gap = ReconstructionGap().measure(given)["mse_gap"]
    assert gap.value == pytest.approx(0.25 - 0.09)
    assert gap.error == 0  # every example of a split is as far off


def test_the_error_of_a_gap_is_that_of_both_splits(evidence: Callable[..., Evidence]) -> None:
    off, train_off = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 2.0])
    given = evidence(
        originals=torch.zeros(3, 1),
        reconstructions=off[:, None],
        train_originals=torch.zeros(2, 1),
        train_reconstructions=train_off[:, None],
    )
    gap = ReconstructionGap().measure(given)["mse_gap"]
    assert gap.value == pytest.approx(14 / 3 - 2)
    expected = (off.square().var() / 3 + train_off.square().var() / 2).sqrt()
    assert gap.error == pytest.approx(expected.item(), rel=1e-6)


def test_a_split_of_one_example_leaves_the_gap_without_an_error(
    evidence: Callable[..., Evidence],
) -> None:
    x = torch.zeros(3, 1)
    given = evidence(
        originals=x,
        reconstructions=x + 1,
        train_originals=x[:1],
        train_reconstructions=x[:1],
    )
    assert ReconstructionGap().measure(given)["mse_gap"] == Measurement(1.0)


def test_an_empty_split_has_no_gap(evidence: Callable[..., Evidence]) -> None:
    x = torch.zeros(3, 1, 8, 8)
    given = evidence(originals=x, reconstructions=x, train_originals=x[:0])
    with pytest.raises(NotApplicableError, match="mse_gap needs at least 1 example"):
        ReconstructionGap().measure(given)
