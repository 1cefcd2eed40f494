from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from genbench.contract import Evidence, Measurement
from genbench.errors import GenbenchError, NotApplicableError
from genbench_metrics.manifold import KnownManifold


class Circle:
    """The unit circle, in eight bins of an eighth of a turn; draws are at the middles of bins."""

    bins = 8
    tolerance = 0.1

    def locate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        turn = torch.atan2(x[:, 1], x[:, 0]) / math.tau % 1
        return (x.double().norm(dim=1) - 1).abs(), (turn * 8).long() % 8

    def draw(self, n: int, rng: Generator) -> Tensor:
        return at(torch.randint(8, (n,), generator=rng))


def at(bins: Tensor, radius: float = 1.0) -> Tensor:
    turn = (bins + 0.5) / 8 * math.tau
    return radius * torch.stack([turn.cos(), turn.sin()], 1)


def measure(evidence: Callable[..., Evidence], samples: Tensor, manifold: Any) -> dict[str, Any]:
    return dict(KnownManifold().measure(evidence(samples=samples, manifold=manifold)))


def test_what_is_on_the_manifold_and_what_it_covers_is_counted(
    evidence: Callable[..., Evidence],
) -> None:
    near, far = at(torch.tensor([0, 0, 1, 2, 2, 2]), 1.05), at(torch.tensor([5, 6]), 1.2)
    measured = measure(evidence, torch.cat([near, far]), Circle())
    assert measured["manifold_precision"] == Measurement(0.75, math.sqrt(0.75 * 0.25 / 8))
    # bins 5 and 6 are reached by what is off the manifold only, which does not count
    assert measured["manifold_recall"].value == 3 / 8
    # one bin of three was reached once, by one of eight samples: 1 - 1/8 is below 3 (1 - 3/8)
    assert measured["manifold_recall"].error == pytest.approx(math.sqrt(1 - 1 / 8) / 8)


def test_the_tolerance_itself_is_on_the_manifold(evidence: Callable[..., Evidence]) -> None:
    class Coarse(Circle):
        tolerance = 0.5

    samples = torch.tensor([[1.5, 0.1], [1.5, 0.0], [0.5, 0.0]])
    measured = measure(evidence, samples, Coarse())
    assert measured["manifold_precision"].value == pytest.approx(2 / 3)


def test_the_recall_of_truth_is_that_of_as_many_new_draws(
    evidence: Callable[..., Evidence],
) -> None:
    # of n draws from eight equal bins 1 - (7/8)^n are expected to be reached, as a share
    for n in (2, 8, 400):
        measured = measure(evidence, at(torch.zeros(n, dtype=torch.int64)), Circle())
        of_truth = measured["manifold_recall_of_truth"]
        assert of_truth.value == pytest.approx(1 - (7 / 8) ** n, abs=0.2)
    assert of_truth.value == 1.0


def test_samples_that_are_all_off_the_manifold_cover_nothing(
    evidence: Callable[..., Evidence],
) -> None:
    measured = measure(evidence, torch.zeros(50, 2), Circle())
    assert measured["manifold_precision"] == Measurement(0.0, 0.0)
    assert measured["manifold_recall"] == Measurement(0.0, 0.0)


def test_no_samples_are_no_score(evidence: Callable[..., Evidence]) -> None:
    with pytest.raises(NotApplicableError, match="manifold needs at least 1 sample, there are 0"):
        measure(evidence, torch.empty(0, 2), Circle())


def test_samples_that_are_not_finite_are_an_error(evidence: Callable[..., Evidence]) -> None:
    with pytest.raises(GenbenchError, match="manifold cannot be measured: samples are not finite"):
        measure(evidence, torch.tensor([[1.0, math.nan], [1.0, 0.0]]), Circle())


@pytest.fixture(scope="module")
def triangles() -> Any:
    return pytest.importorskip("genbench_datasets.triangles").Triangles()


def rng() -> Generator:
    return torch.Generator().manual_seed(7)


def test_true_triangles_have_precision_one_and_the_recall_of_a_true_sample(
    evidence: Callable[..., Evidence], triangles: Any
) -> None:
    measured = measure(evidence, triangles.manifold.draw(1500, rng()), triangles.manifold)
    assert measured["manifold_precision"] == Measurement(1.0, 0.0)
    recall, of_truth = measured["manifold_recall"], measured["manifold_recall_of_truth"]
    assert abs(recall.value - of_truth.value) < 3 * math.hypot(recall.error, of_truth.error)
    expected = 1 - (1 - 1 / triangles.manifold.bins) ** 1500  # bins are alike
    assert recall.value == pytest.approx(expected, abs=3 * recall.error)
    assert of_truth.value == pytest.approx(expected, abs=3 * of_truth.error)


def test_the_examples_of_the_data_set_are_all_on_its_manifold(
    evidence: Callable[..., Evidence], triangles: Any
) -> None:
    measured = measure(evidence, triangles.load().test.x[:1000], triangles.manifold)
    assert measured["manifold_precision"].value == 1.0


def test_collapse_to_one_triangle_has_precision_one_and_covers_one_bin(
    evidence: Callable[..., Evidence], triangles: Any
) -> None:
    one = triangles.manifold.draw(1, rng()).expand(300, -1, -1, -1)
    measured = measure(evidence, one, triangles.manifold)
    assert measured["manifold_precision"].value == 1.0
    assert measured["manifold_recall"] == Measurement(1 / triangles.manifold.bins, 0.0)


def test_noise_has_no_precision_and_covers_nothing(
    evidence: Callable[..., Evidence], triangles: Any
) -> None:
    noise = torch.randint(256, (300, 1, 28, 28), generator=rng()).to(torch.uint8)
    measured = measure(evidence, noise, triangles.manifold)
    assert measured["manifold_precision"].value == 0.0
    assert measured["manifold_recall"].value == 0.0


def test_half_of_a_range_is_at_most_half_of_the_recall(
    evidence: Callable[..., Evidence], triangles: Any
) -> None:
    x = triangles.manifold.draw(3000, rng())
    centre = (x[:, 0].double().sum(1) * torch.arange(28)).sum(1) / x.double().sum((1, 2, 3))
    measured = measure(evidence, x[centre < 13.5], triangles.manifold)  # the middle of the range
    assert measured["manifold_precision"].value == 1.0
    assert 0.4 < measured["manifold_recall"].value < 0.51


def test_more_noise_is_less_precision_and_less_recall(
    evidence: Callable[..., Evidence], triangles: Any
) -> None:
    x = triangles.manifold.draw(400, rng()).float()
    noise = torch.randn(x.shape, generator=rng())
    scores = [
        measure(
            evidence,
            (x + 255 * sigma * noise).clamp(0, 255).round().to(torch.uint8),
            triangles.manifold,
        )
        for sigma in (0.0, 0.05, 0.1)
    ]
    for name in ("manifold_precision", "manifold_recall"):
        clean, some, much = (measured[name].value for measured in scores)
        assert clean > some > much == 0
