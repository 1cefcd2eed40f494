from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import genbench
from genbench.contract import Evidence
from genbench.errors import GenbenchError, NotApplicableError
from genbench_metrics.precision_recall import PrecisionRecall


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def measured(
    evidence: Callable[..., Evidence], samples: Tensor, real: Tensor, k: int = 3
) -> tuple[float, float]:
    given = evidence(sample_features=samples, real_features=real)
    found = PrecisionRecall(k=k).measure(given)
    return found["precision"].value, found["recall"].value


def test_a_hand_count_on_a_line(evidence: Callable[..., Evidence]) -> None:
    real = torch.tensor([[0.0], [1.0], [3.0], [10.0]])  # to the next: 1, 1, 2, 7
    samples = torch.tensor([[-1.0], [4.5], [17.5], [18.5]])  # to the next: 5.5, 5.5, 1, 1
    # real balls [-1, 1] [0, 2] [1, 5] [3, 17]: two samples inside, the first on the very edge
    # balls of samples [-6.5, 4.5] [-1, 10] [16.5, 18.5] [17.5, 19.5]: all real ones, one on an edge
    assert measured(evidence, samples, real, k=1) == (0.5, 1.0)


def test_identical_sets_have_precision_and_recall_of_one(
    evidence: Callable[..., Evidence],
) -> None:
    x = normal(100, 8)
    assert measured(evidence, x, x.clone()) == (1.0, 1.0)


def test_sets_that_are_far_apart_have_neither(evidence: Callable[..., Evidence]) -> None:
    assert measured(evidence, normal(100, 8) + 100, normal(100, 8, seed=1)) == (0.0, 0.0)


def test_a_collapsed_sample_has_precision_and_no_recall(
    evidence: Callable[..., Evidence],
) -> None:
    real = normal(500, 8)
    precision, recall = measured(evidence, real[:1].repeat(500, 1), real)
    assert precision == 1.0
    assert recall == 1 / 500  # the one that it gives back


def test_one_of_two_modes_has_precision_and_half_of_the_recall(
    evidence: Callable[..., Evidence],
) -> None:
    modes = torch.cat([normal(200, 4), normal(200, 4, seed=1) + 100])
    precision, recall = measured(evidence, normal(400, 4, seed=2), modes)
    assert precision > 0.85
    assert 0.45 < recall <= 0.5


def test_swapping_samples_and_real_examples_swaps_precision_and_recall(
    evidence: Callable[..., Evidence],
) -> None:
    narrow, wide = normal(300, 4) * 0.5, normal(200, 4, seed=1)
    precision, recall = measured(evidence, narrow, wide)
    assert precision > recall + 0.2
    assert measured(evidence, wide, narrow) == (recall, precision)


def test_the_error_of_precision_is_what_fresh_samples_change_against_the_same_real_split(
    evidence: Callable[..., Evidence],
) -> None:
    real = normal(100, 4)
    found = [
        PrecisionRecall().measure(evidence(sample_features=x * 1.5, real_features=real))
        for x in (normal(80, 4, seed + 1) for seed in range(200))
    ]
    spread = torch.tensor([each["precision"].value for each in found]).std().item()
    errors = torch.tensor([each["precision"].error for each in found])
    # a spread of 200 is known to a twentieth
    assert errors.mean().item() == pytest.approx(spread, rel=0.15)
    assert {each["recall"].error for each in found} == {None}


@pytest.mark.parametrize(
    ("samples", "real", "message"),
    [
        (3, 10, "needs at least 4 samples, there are 3"),
        (10, 3, "needs at least 4 real examples of test, there are 3"),
    ],
)
def test_no_more_examples_than_neighbours_are_refused(
    evidence: Callable[..., Evidence], samples: int, real: int, message: str
) -> None:
    with pytest.raises(NotApplicableError, match=f"precision-recall {message}"):
        measured(evidence, normal(samples, 4), normal(real, 4))


def test_too_few_samples_for_one_metric_are_enough_for_another() -> None:
    evaluator = genbench.Evaluator(
        reference=normal(10, 4), metrics=["precision-recall", "fid"], extractor="identity"
    )
    scores = evaluator(samples=normal(3, 4), split="test")
    assert scores["fid"] > 0
    reason = "precision-recall needs at least 4 samples, there are 3"
    assert {scores.not_applicable[name] for name in ("precision", "recall")} == {reason}


def test_features_that_are_not_finite_are_refused(evidence: Callable[..., Evidence]) -> None:
    broken = normal(10, 4)
    broken[1, 2] = torch.inf
    with pytest.raises(GenbenchError, match="features of real examples of test are not finite"):
        measured(evidence, normal(10, 4), broken)


def test_features_of_another_dtype_or_number_are_refused(
    evidence: Callable[..., Evidence],
) -> None:
    with pytest.raises(GenbenchError, match=r"takes features float32 \(N, D\), those of samples "):
        measured(evidence, normal(10, 4).double(), normal(10, 4))
    with pytest.raises(GenbenchError, match="there are 3 of a sample and 4 of a real example"):
        measured(evidence, normal(10, 3), normal(10, 4))
