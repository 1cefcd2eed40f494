from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from genbench.contract import Evidence, Splits
from genbench.errors import GenbenchError, NotApplicableError
from genbench_metrics.digits_cnn import DigitsCNN
from genbench_metrics.isc import InceptionScore


def sure_of(classes: Tensor, of: int) -> Tensor:
    """Logits that are as good as certain."""
    return torch.nn.functional.one_hot(classes, of).float() * 100


def normal(n: int, classes: int, seed: int = 0) -> Tensor:
    return torch.randn(n, classes, generator=torch.Generator().manual_seed(seed))


def test_one_sure_sample_of_each_class_scores_the_number_of_classes(
    evidence: Callable[..., Evidence],
) -> None:
    given = evidence(sample_logits=sure_of(torch.arange(7), 7))
    isc = InceptionScore(splits=1).measure(given)["isc"]
    assert isc.value == pytest.approx(7)
    assert isc.error is None


def test_a_classifier_that_cannot_tell_and_one_thing_again_and_again_score_one(
    evidence: Callable[..., Evidence],
) -> None:
    for logits in (torch.zeros(40, 10), normal(1, 10).expand(40, 10)):
        isc = InceptionScore().measure(evidence(sample_logits=logits.clone()))["isc"]
        assert (isc.value, isc.error) == (pytest.approx(1), pytest.approx(0, abs=1e-12))


def test_two_samples_of_half_sure_classes_score_by_hand(evidence: Callable[..., Evidence]) -> None:
    # p(y|x) is (3/4, 1/4) and (1/4, 3/4), p(y) a half: KL = 3/4 log 3/2 + 1/4 log 1/2 of each
    logits = torch.tensor([[3.0, 1.0], [1.0, 3.0]]).log()
    expected = math.exp(0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    isc = InceptionScore(splits=1).measure(evidence(sample_logits=logits))["isc"]
    assert isc.value == pytest.approx(expected, rel=1e-6)


def test_the_score_is_that_of_torch_fidelity_and_its_spread_the_error_times_a_root(
    evidence: Callable[..., Evidence],
) -> None:
    from torch_fidelity.metric_isc import isc_features_to_metric

    logits = normal(1234, 10) * 3
    reference = isc_features_to_metric(logits)
    isc = InceptionScore().measure(evidence(sample_logits=logits))["isc"]
    assert isc.value == pytest.approx(reference["inception_score_mean"], rel=1e-12)
    assert isc.error is not None
    assert isc.error * 9**0.5 == pytest.approx(reference["inception_score_std"], rel=1e-9)


def test_samples_class_by_class_score_as_well_as_mixed_ones(
    evidence: Callable[..., Evidence],
) -> None:
    in_order = sure_of(torch.arange(10).repeat_interleave(50), 10)
    isc = InceptionScore().measure(evidence(sample_logits=in_order))["isc"]
    assert isc.value > 8  # every tenth of them by itself would score 1


def test_digits_score_near_their_ten_classes_and_a_single_one_scores_one(
    evidence: Callable[..., Evidence], extractor: DigitsCNN, digits: Splits
) -> None:
    logits = extractor.logits(extractor(digits.test.x))
    assert 8 < InceptionScore().measure(evidence(sample_logits=logits))["isc"].value < 10
    one = logits[:1].repeat(100, 1)
    assert InceptionScore().measure(evidence(sample_logits=one))["isc"].value == pytest.approx(1)


def test_logits_so_large_that_others_vanish_are_finite(evidence: Callable[..., Evidence]) -> None:
    given = evidence(sample_logits=sure_of(torch.arange(20) % 5, 10) * 1e30)
    assert InceptionScore(splits=1).measure(given)["isc"].value == pytest.approx(5)


def test_fewer_than_two_samples_for_each_part_are_refused(
    evidence: Callable[..., Evidence],
) -> None:
    with pytest.raises(NotApplicableError, match="isc needs at least 20 samples, there are 19"):
        InceptionScore().measure(evidence(sample_logits=normal(19, 10)))


def test_logits_that_are_not_finite_are_refused(evidence: Callable[..., Evidence]) -> None:
    logits = normal(50, 10)
    logits[3, 4] = torch.nan
    with pytest.raises(GenbenchError, match="isc cannot be measured: logits of samples"):
        InceptionScore().measure(evidence(sample_logits=logits))
