from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from genbench import options
from genbench.contract import DataSpec, Evidence, Measurement, NotApplicable
from genbench.errors import GenbenchError, NotApplicableError, UsageError
from genbench_metrics.mode_coverage import ModeCoverage, modes, nearest
from genbench_metrics.shares import divergence

CENTRES = torch.tensor([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0], [100.0, 100.0]])
CROSS = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
"""Four points around a centre. Of four such classes the pooled variance of a dimension is
4 * 4 * 1 / (2 * (16 - 4)) = 2/3."""

STD = math.sqrt(2 / 3)
POINTS = DataSpec("crosses", "points", (2,), 16, classes=4, levels=None)

Given = Callable[..., Evidence]


@pytest.fixture
def given(evidence: Callable[..., Evidence]) -> Given:
    """Evidence whose training split is a cross around each of four centres."""

    def given(samples: Any, **others: Any) -> Evidence:
        made = evidence(samples=torch.as_tensor(samples, dtype=torch.float32), data=POINTS)
        made.train.name = "train"
        made.train.x = (CENTRES[:, None] + CROSS).flatten(0, 1)
        made.train.y = torch.arange(4).repeat_interleave(4)
        for name, value in others.items():
            setattr(made, name, value)
        return made

    return given


def values(measured: Any) -> dict[str, float]:
    return {name: measurement.value for name, measurement in measured.items()}


def test_centres_and_standard_deviation_are_those_of_the_classes(given: Given) -> None:
    centres, std, shares = modes(given(CENTRES).train, 4)
    assert torch.equal(centres, CENTRES.double())
    assert std == pytest.approx(STD)
    assert shares.tolist() == [0.25] * 4


def test_samples_at_all_centres_find_all_modes(given: Given) -> None:
    measured = ModeCoverage().measure(given(CENTRES))
    assert values(measured) == {"modes": 4, "high_quality": 1, "reverse_kl": pytest.approx(0)}


def test_a_sample_counts_within_three_standard_deviations_and_not_beyond(given: Given) -> None:
    at = torch.tensor([[3 * STD - 0.001, 0.0], [100 + 3 * STD + 0.001, 0.0]])
    measured = values(ModeCoverage().measure(given(at)))
    assert measured["modes"] == 1
    assert measured["high_quality"] == 0.5


def test_the_distance_is_euclidean_not_that_of_each_dimension(given: Given) -> None:
    corner = torch.full((1, 2), 2.5 * STD)  # 3.5 deviations away
    assert values(ModeCoverage().measure(given(corner)))["high_quality"] == 0


def test_other_deviations_can_be_asked_for(given: Given) -> None:
    corner = torch.full((1, 2), 2.5 * STD)
    assert values(ModeCoverage(deviations=4).measure(given(corner)))["modes"] == 1


def test_collapse_to_one_of_four_modes_costs_log_four(given: Given) -> None:
    measured = values(ModeCoverage().measure(given(CENTRES[2].expand(50, 2))))
    assert measured["modes"] == 1
    assert measured["high_quality"] == 1
    assert measured["reverse_kl"] == pytest.approx(math.log(4))


def test_reverse_kl_takes_the_logarithm_under_the_samples(given: Given) -> None:
    samples = CENTRES[torch.tensor([0, 0, 0, 1])]
    expected = 0.75 * math.log(0.75 / 0.25) + 0.25 * math.log(0.25 / 0.25)
    measured = values(ModeCoverage().measure(given(samples)))
    assert measured["reverse_kl"] == pytest.approx(expected)


def test_reverse_kl_is_against_the_classes_own_shares(given: Given) -> None:
    # 8 of 20 examples are of class 0, so samples in the same shares are as good as the data
    cross = CENTRES[0] + CROSS
    evidence = given(CENTRES.repeat_interleave(torch.tensor([2, 1, 1, 1]), 0))
    evidence.train.x = torch.cat([evidence.train.x, cross])
    evidence.train.y = torch.cat([evidence.train.y, torch.zeros(4, dtype=torch.int64)])
    assert values(ModeCoverage().measure(evidence))["reverse_kl"] == pytest.approx(0)


def test_samples_between_modes_are_poor_and_count_for_the_nearest(given: Given) -> None:
    measured = values(ModeCoverage().measure(given(CENTRES + torch.tensor([30.0, 20.0]))))
    assert measured == {"modes": 0, "high_quality": 0, "reverse_kl": pytest.approx(0)}


def test_one_hit_among_many_misses_finds_a_mode(given: Given) -> None:
    samples = torch.full((1000, 2), 40.0)
    samples[17] = CENTRES[3]
    measured = values(ModeCoverage().measure(given(samples)))
    assert measured["modes"] == 1
    assert measured["high_quality"] == pytest.approx(0.001)


def test_samples_of_the_mixture_itself_reach_what_the_normal_distribution_says(
    given: Given,
) -> None:
    g = torch.Generator().manual_seed(0)
    y = torch.randint(4, (40_000,), generator=g)
    x = CENTRES[y] + 0.5 * torch.randn(40_000, 2, generator=g)
    evidence = given(x[20_000:])
    evidence.train.x, evidence.train.y = x[:20_000], y[:20_000]
    measured = ModeCoverage().measure(evidence)
    quality, kl = measured["high_quality"], measured["reverse_kl"]
    assert quality.value == pytest.approx(1 - math.exp(-4.5), abs=4 * quality.error)
    assert 0 <= kl.value < 5 * kl.error
    assert measured["modes"] == Measurement(4.0)


@pytest.mark.parametrize("q", [[0.25] * 4, [0.4, 0.3, 0.2, 0.1], [0.6, 0.4, 0.0, 0.0]])
def test_the_error_of_reverse_kl_is_what_fresh_samples_change(q: list[float]) -> None:
    p, n = torch.full((4,), 0.25, dtype=torch.float64), 400
    draws = torch.multinomial(
        torch.tensor(q), n * 500, replacement=True, generator=torch.Generator().manual_seed(0)
    ).view(500, n)
    shares = [torch.bincount(draw, minlength=4).double() / n for draw in draws]
    measured = [divergence(share, p, n) for share in shares]
    spread = torch.tensor([m.value for m in measured]).std().item()
    error = torch.tensor([m.error for m in measured]).mean().item()
    # where q is p the estimated first order is chance itself, so the error is on the safe side
    assert spread * 0.9 < error < spread * (2 if len(set(q)) == 1 else 1.2)


def test_distances_far_from_the_origin_keep_their_digits() -> None:
    centres = torch.tensor([[1e6, 0.0], [1e6, 1.0]], dtype=torch.float64)
    distance, mode = nearest(torch.tensor([[1e6, 0.25], [1e6, 0.75]]), centres)
    assert distance.tolist() == [0.25, 0.25]
    assert mode.tolist() == [0, 1]


def test_images_are_not_applicable_and_it_says_why(evidence: Callable[..., Evidence]) -> None:
    images = DataSpec("digits", "image", (1, 8, 8), 898, classes=10)
    measured = ModeCoverage().measure(evidence(data=images))
    assert set(measured) == {"modes", "high_quality", "reverse_kl"}
    for value in measured.values():
        assert isinstance(value, NotApplicable)
        assert "modes are counted for points" in value.reason
        assert "class-coverage" in value.reason


def test_no_samples_are_no_score(given: Given) -> None:
    with pytest.raises(NotApplicableError, match="mode-coverage needs at least 1 sample"):
        ModeCoverage().measure(given(torch.empty(0, 2)))


def test_a_sample_that_is_not_finite_is_an_error(given: Given) -> None:
    with pytest.raises(GenbenchError, match="mode-coverage cannot be measured: a sample is not"):
        ModeCoverage().measure(given([[0.0, math.nan], [0.0, 0.0]]))


def test_a_training_example_that_is_not_finite_is_an_error(given: Given) -> None:
    evidence = given(CENTRES)
    evidence.train.x[3, 1] = math.inf
    with pytest.raises(GenbenchError, match="an example of train is not finite"):
        ModeCoverage().measure(evidence)


def test_a_class_without_examples_is_an_error_that_names_it(given: Given) -> None:
    evidence = given(CENTRES)
    evidence.train.y = torch.tensor([0, 0, 1, 1, 3, 3] + [0] * 10)
    with pytest.raises(GenbenchError, match="class 2 of 4 has no example in train"):
        ModeCoverage().measure(evidence)


def test_one_example_of_each_class_is_an_error(given: Given) -> None:
    evidence = given(CENTRES)
    evidence.train.x, evidence.train.y = CENTRES, torch.arange(4)
    with pytest.raises(GenbenchError, match="4 examples of 4 classes"):
        ModeCoverage().measure(evidence)


def test_no_labels_are_an_error(given: Given) -> None:
    evidence = given(CENTRES)
    evidence.train.y = None
    with pytest.raises(GenbenchError, match="needs labels, train has none"):
        ModeCoverage().measure(evidence)


def test_deviations_are_positive() -> None:
    with pytest.raises(UsageError, match="'deviations' of the metric takes float"):
        options.resolve("metric", ModeCoverage, {"deviations": 0})


def test_what_it_finds_of_the_ring_is_what_the_ring_was_made_of() -> None:
    ring: Any = pytest.importorskip("genbench_datasets.ring").Ring()
    centres, std, shares = modes(_Train(*ring.load().train), ring.classes)
    assert std == pytest.approx(ring.std, rel=0.005)
    expected = torch.tensor(ring.centres, dtype=torch.float64)
    assert (centres - expected).abs().max() < 0.05 * ring.std
    assert shares.tolist() == [0.125] * 8


class _Train:
    name = "train"

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y
