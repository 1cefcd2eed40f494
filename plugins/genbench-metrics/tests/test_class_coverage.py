from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from genbench.contract import DataSpec, Evidence, Measurement, NotApplicable
from genbench.errors import GenbenchError, NotApplicableError
from genbench_metrics.class_coverage import ClassCoverage

FOUR = DataSpec("four", "image", (1, 8, 8), 40, classes=4)

Given = Callable[..., Evidence]


@pytest.fixture
def given(evidence: Callable[..., Evidence]) -> Given:
    """Samples of classes that a classifier is sure of; ten training examples of each of four."""

    def given(found: Any, labels: Tensor | None = None, classes: int = 4) -> Evidence:
        scores = one_hot(torch.as_tensor(found, dtype=torch.int64), classes).float() * 9
        made = evidence(sample_logits=scores, data=FOUR)
        made.train.name = "train"
        made.train.y = torch.arange(4).repeat(10) if labels is None else labels
        return made

    return given


def test_samples_of_all_classes_in_their_shares_are_perfect(given: Given) -> None:
    measured = ClassCoverage().measure(given([0, 1, 2, 3] * 50))
    assert measured["modes"] == Measurement(4.0, 0.0)
    assert measured["reverse_kl"].value == pytest.approx(0)


def test_collapse_to_one_of_four_classes_costs_log_four(given: Given) -> None:
    measured = ClassCoverage().measure(given([2] * 50))
    assert measured["modes"] == Measurement(1.0, 0.0)
    assert measured["reverse_kl"].value == pytest.approx(math.log(4))


def test_reverse_kl_is_against_the_shares_of_the_training_labels(given: Given) -> None:
    labels = torch.tensor([0] * 5 + [1] * 3 + [2] + [3])
    even = ClassCoverage().measure(given([0] * 50 + [1] * 30 + [2] * 10 + [3] * 10, labels))
    assert even["reverse_kl"].value == pytest.approx(0)
    measured = ClassCoverage().measure(given([0, 0, 0, 1], labels))["reverse_kl"]
    expected = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.3)
    assert measured.value == pytest.approx(expected)


def test_the_class_of_a_sample_is_the_one_of_the_largest_score(given: Given) -> None:
    evidence: Any = given([0])
    evidence.sample_logits = torch.tensor([[-3.0, -2.0, -2.5, -9.0], [0.0, 0.0, 0.0, 0.1]])
    assert ClassCoverage().measure(evidence)["modes"].value == 2


def test_a_classifier_of_other_classes_is_not_applicable(given: Given) -> None:
    measured = ClassCoverage().measure(given([0, 1], classes=1008))
    for value in measured.values():
        assert isinstance(value, NotApplicable)
        assert "1,008 classes apart, the data set has 4" in value.reason


def test_no_samples_are_no_score(given: Given) -> None:
    with pytest.raises(NotApplicableError, match="class-coverage needs at least 1 sample"):
        ClassCoverage().measure(given([]))


def test_a_class_without_examples_is_an_error_that_names_it(given: Given) -> None:
    with pytest.raises(GenbenchError, match=r"class-coverage .* class 3 of 4 has no example"):
        ClassCoverage().measure(given([0, 1], torch.tensor([0, 1, 2])))


def test_no_labels_are_an_error(given: Given) -> None:
    evidence: Any = given([0])
    evidence.train.y = None
    with pytest.raises(GenbenchError, match="class-coverage needs labels, train has none"):
        ClassCoverage().measure(evidence)


def test_scores_that_are_not_finite_are_an_error(given: Given) -> None:
    evidence: Any = given([0, 1])
    evidence.sample_logits[1, 2] = math.nan
    with pytest.raises(GenbenchError, match="class scores of samples are not finite"):
        ClassCoverage().measure(evidence)


@pytest.fixture(scope="module")
def stacked() -> Any:
    return pytest.importorskip("genbench_datasets.stacked_digits").StackedDigits(size=1000)


def test_stacks_of_digits_have_the_thousand_modes_that_were_stacked(
    evidence: Callable[..., Evidence], stacked: Any
) -> None:
    from genbench_metrics.stacked_digits_cnn import StackedDigitsCNN

    extractor, splits = StackedDigitsCNN(), stacked.load()
    made: Any = evidence(data=DataSpec("stacked-digits", "image", (3, 8, 8), 1000, classes=1000))
    made.train.y = splits.train.y

    def measure(x: Tensor) -> Any:
        made.sample_logits = extractor.logits(extractor(x))
        return ClassCoverage().measure(made)

    x, y = splits.test
    whole = measure(x)
    assert whole["modes"].value > 990
    # (M - 1) / 2n would be 0.05 if labels were drawn; they are in equal shares, and what is left
    # are the four in a hundred stacks that the classifier misreads
    assert whole["reverse_kl"].value < 0.01
    hundred = measure(x[y < 100])  # a zero on red
    assert 100 <= hundred["modes"].value < 130
    assert hundred["reverse_kl"].value == pytest.approx(math.log(10), abs=0.1)
    one = measure(x[:1].expand(50, -1, -1, -1))
    assert one["modes"].value == 1
    assert one["reverse_kl"].value == pytest.approx(math.log(1000))
