"""What can be read off codes: a linear probe and nearest neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from genbench.contract import DataSpec, Evidence, Measurement, NotApplicable, Splits
from genbench.data import to_model
from genbench.errors import GenbenchError, NotApplicableError
from genbench_metrics.knn import KNN
from genbench_metrics.linear_probe import LinearProbe

LABELLED = DataSpec("codes", "points", (2,), 90, classes=3)
EITHER = pytest.mark.parametrize(
    ("metric", "score"), [(LinearProbe(), "linear_probe"), (KNN(), "knn")], ids=["probe", "knn"]
)


@pytest.fixture
def coded(evidence: Callable[..., Evidence]) -> Callable[..., Evidence]:
    """Evidence of codes and labels of two splits."""

    def made(train: tuple[Tensor, Tensor], real: tuple[Tensor, Tensor]) -> Evidence:
        split = type(evidence().real)
        return evidence(
            train_codes=train[0],
            codes=real[0],
            train=split(train[0], train[1], "train"),
            real=split(real[0], real[1]),
            data=LABELLED,
        )

    return made


def clusters(n: int, apart: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """n codes float32 (n, 2) of three classes, their centres ``apart`` on a line."""
    rng = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 3
    x = torch.randn(n, 2, generator=rng)
    x[:, 0] += apart * y
    return x, y


@EITHER
def test_classes_that_lie_apart_are_all_named(metric, score, coded) -> None:
    measured = metric.measure(coded(clusters(90, 20), clusters(60, 20, seed=1)))
    assert measured[score] == Measurement(1.0, 0.0)
    assert measured["chance"] == pytest.approx(1 / 3)


@EITHER
def test_codes_that_know_nothing_are_named_by_chance(metric, score, coded) -> None:
    measured = metric.measure(coded(clusters(3000, 0), clusters(3000, 0, seed=1)))
    accuracy = measured[score]
    assert abs(accuracy.value - measured["chance"]) < 4 * accuracy.error
    assert accuracy.error == pytest.approx(math.sqrt(accuracy.value * (1 - accuracy.value) / 3000))


@EITHER
def test_one_code_for_all_is_no_better_than_the_most_frequent_class(metric, score, coded) -> None:
    y = torch.tensor([0, 1, 1, 1, 2] * 20)
    constant = torch.full((100, 4), 0.7)
    measured = metric.measure(coded((constant, y), (constant[:50], y[:50])))
    assert measured["chance"] == pytest.approx(0.6)
    assert measured[score].value == pytest.approx(0.6)


def test_the_probe_sees_planes_and_neighbours_see_borders_of_any_shape(coded) -> None:
    def rings(seed: int) -> tuple[Tensor, Tensor]:
        rng = torch.Generator().manual_seed(seed)
        y = torch.arange(600) % 2
        angle = 2 * torch.pi * torch.rand(600, generator=rng)
        radius = 1 + 3 * y + 0.1 * torch.randn(600, generator=rng)
        return torch.stack((radius * angle.cos(), radius * angle.sin()), 1), y

    given = coded(rings(0), rings(1))
    assert KNN().measure(given)["knn"].value == 1
    assert LinearProbe().measure(given)["linear_probe"].value < 0.65


def test_a_large_direction_that_says_nothing_hides_classes_from_neighbours_alone(coded) -> None:
    def hidden(seed: int) -> tuple[Tensor, Tensor]:
        x, y = clusters(600, 10, seed)
        x[:, 1] *= 10_000
        return x, y

    given = coded(hidden(0), hidden(1))
    assert LinearProbe().measure(given)["linear_probe"].value > 0.99
    assert KNN().measure(given)["knn"].value < 0.5


def test_the_probe_is_scikit_learns_on_standardised_codes(coded, digits: Splits) -> None:
    from sklearn.linear_model import LogisticRegression

    mapping = torch.randn(64, 6, generator=torch.Generator().manual_seed(0))
    x, real = (to_model(split.x).flatten(1) @ mapping for split in (digits.train, digits.test))
    given = coded((x, digits.train.y), (real, digits.test.y))
    a, b = x.double().numpy(), real.double().numpy()
    a, b = (a - a.mean(0)) / a.std(0), (b - a.mean(0)) / a.std(0)
    theirs = LogisticRegression(C=0.5, max_iter=1000).fit(a, digits.train.y.numpy())
    expected = theirs.score(b, digits.test.y.numpy())
    assert 0.5 < expected < 0.95
    measured = LinearProbe(c=0.5).measure(given)
    assert measured["linear_probe"].value == expected
    most = torch.bincount(digits.train.y).argmax()
    assert measured["chance"] == pytest.approx((digits.test.y == most).double().mean().item())


@pytest.mark.parametrize("k", [1, 4])
def test_neighbours_vote_as_counted_by_hand(k: int, coded, digits: Splits) -> None:
    mapping = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    # far from 0, where distances by products alone would lose what is near
    x, real = (
        to_model(split.x).flatten(1) @ mapping + 3000 for split in (digits.train, digits.test)
    )
    given = coded((x, digits.train.y), (real, digits.test.y))
    nearest = np.linalg.norm(real.double().numpy()[:, None] - x.double().numpy(), axis=2)
    votes = digits.train.y.numpy()[np.argsort(nearest, axis=1, kind="stable")[:, :k]]
    named = np.array([np.bincount(of_one).argmax() for of_one in votes])
    expected = (named == digits.test.y.numpy()).mean()
    assert KNN(k=k).measure(given)["knn"].value == pytest.approx(expected)


@EITHER
def test_of_many_training_examples_some_are_drawn_and_always_the_same(metric, score, coded) -> None:
    given = coded(clusters(300, 2), clusters(3000, 2, seed=1))
    few = type(metric)(examples=9)
    assert few.measure(given) == few.measure(given)
    assert few.measure(given)[score] != metric.measure(given)[score]


def test_what_is_drawn_is_no_head_of_a_sorted_split(coded) -> None:
    x, y = clusters(300, 20)
    order = y.sort(stable=True).indices
    given = coded((x[order], y[order]), clusters(60, 20, seed=1))
    assert KNN(examples=60).measure(given)["knn"].value == 1


def test_a_probe_that_has_not_converged_is_no_score(coded) -> None:
    given = coded(clusters(300, 2), clusters(60, 2, seed=1))
    measured = LinearProbe(max_iterations=1).measure(given)
    assert measured["linear_probe"] == NotApplicable(
        "the probe has not converged after 1 iterations; "
        "--set linear-probe.max_iterations gives it more"
    )


def test_a_single_class_cannot_be_told_from_others(coded) -> None:
    x, y = clusters(30, 2)
    measured = LinearProbe().measure(coded((x, y * 0), (x, y)))
    assert measured["linear_probe"] == NotApplicable(
        "all training examples that it learns from are of one class"
    )
    assert measured["chance"] == pytest.approx(1 / 3)


def test_fewer_training_codes_than_neighbours_have_no_vote(coded) -> None:
    measured = KNN(k=5).measure(coded(clusters(3, 9), clusters(6, 9)))
    assert measured["knn"] == NotApplicable("3 training codes are fewer than k=5 neighbours")


@EITHER
def test_splits_without_labels_or_examples_are_named(metric, score, coded) -> None:
    x, y = clusters(30, 2)
    with pytest.raises(GenbenchError, match="needs labels, test has none"):
        metric.measure(coded((x, y), (x, None)))
    with pytest.raises(NotApplicableError, match="needs at least 1 example, train is empty"):
        metric.measure(coded((x[:0], y[:0]), (x, y)))


@EITHER
def test_codes_that_are_not_finite_are_refused(metric, score, coded) -> None:
    x, y = clusters(30, 2)
    spoiled = x.clone()
    spoiled[3, 0] = float("nan")
    with pytest.raises(GenbenchError, match="codes of test are not finite"):
        metric.measure(coded((x, y), (spoiled, y)))
    with pytest.raises(GenbenchError, match="codes of train are not finite"):
        metric.measure(coded((spoiled, y), (x, y)))
