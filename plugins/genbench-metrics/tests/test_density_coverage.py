from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from genbench.contract import Evidence
from genbench.errors import GenbenchError, NotApplicableError
from genbench_metrics.density_coverage import DensityCoverage
from genbench_metrics.precision_recall import PrecisionRecall


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def measured(
    evidence: Callable[..., Evidence], samples: Tensor, real: Tensor, k: int = 5
) -> tuple[float, float]:
    given = evidence(sample_features=samples, real_features=real)
    found = DensityCoverage(k=k).measure(given)
    return found["density"].value, found["coverage"].value


def test_a_hand_count_on_a_line(evidence: Callable[..., Evidence]) -> None:
    real = torch.tensor([[0.0], [1.0], [3.0], [10.0]])  # to the next: 1, 1, 2, 7
    # balls without their edges (-1, 1) (0, 2) (1, 5) (3, 17): in 2, 2, 0 and 0 of them
    samples = torch.tensor([[0.5], [4.5], [-1.0], [17.0]])
    assert measured(evidence, samples, real, k=1) == (1.0, 1.0)
    assert measured(evidence, samples[1:], real, k=1) == (2 / 3, 0.5)


def test_identical_sets_have_density_and_coverage_of_one(
    evidence: Callable[..., Evidence],
) -> None:
    x = normal(100, 8)
    assert measured(evidence, x, x.clone()) == (pytest.approx(1), 1.0)


def test_what_is_repeated_more_than_k_times_has_balls_that_nothing_is_in(
    evidence: Callable[..., Evidence],
) -> None:
    prdc = pytest.importorskip("prdc")
    # whole numbers: the distances of that package come from a product, which is exact of those
    x = (normal(21, 8) * 10).round()
    x, single = x[:20].repeat(10, 1), x[20:]
    assert measured(evidence, x, x.clone()) == (0.0, 0.0)
    # one that is there five times has balls up to the example that is nearest to it
    fewer = torch.cat([x, single.repeat(5, 1)])
    theirs = prdc.compute_prdc(fewer.double().numpy(), fewer.double().numpy(), nearest_k=5)
    expected = pytest.approx(theirs["density"]), pytest.approx(theirs["coverage"])
    assert measured(evidence, fewer, fewer.clone()) == expected
    assert theirs["coverage"] == pytest.approx(5 / 205)


def test_the_error_of_density_is_what_fresh_samples_change_against_the_same_real_split(
    evidence: Callable[..., Evidence],
) -> None:
    real = normal(100, 4)
    found = [
        DensityCoverage().measure(evidence(sample_features=x, real_features=real))
        for x in (normal(80, 4, seed + 1) for seed in range(200))
    ]
    spread = torch.tensor([each["density"].value for each in found]).std().item()
    errors = torch.tensor([each["density"].error for each in found])
    # a spread of 200 is known to a twentieth
    assert errors.mean().item() == pytest.approx(spread, rel=0.15)
    assert {each["coverage"].error for each in found} == {None}


def test_a_collapsed_sample_covers_next_to_nothing(evidence: Callable[..., Evidence]) -> None:
    real = normal(1000, 8)
    density, coverage = measured(evidence, real[:1].repeat(1000, 1), real)
    assert coverage <= 0.02
    # nor is its density better than what it is in: as many balls as its one example
    assert density == pytest.approx(coverage * 1000 / 5)


def test_sets_that_are_far_apart_have_neither(evidence: Callable[..., Evidence]) -> None:
    assert measured(evidence, normal(50, 8) + 100, normal(50, 8, seed=1)) == (0.0, 0.0)


def test_one_of_two_modes_has_the_density_of_both_and_covers_half(
    evidence: Callable[..., Evidence],
) -> None:
    modes = torch.cat([normal(300, 4), normal(300, 4, seed=1) + 100])
    density, coverage = measured(evidence, normal(600, 4, seed=2), modes)
    assert density == pytest.approx(1, abs=0.15)
    assert coverage == pytest.approx(0.5, abs=0.01)


def test_samples_of_the_data_itself_are_covered_as_theory_says(
    evidence: Callable[..., Evidence],
) -> None:
    # A ball is missed if the k nearest of n - 1 other real examples and m samples are real ones.
    n = m = 800
    missed = math.prod((n - i) / (n + m - i) for i in range(1, 6))
    found = [
        measured(evidence, normal(m, 3, seed=2 * s), normal(n, 3, seed=2 * s + 1)) for s in range(8)
    ]
    density, coverage = torch.tensor(found).mean(0).tolist()
    assert density == pytest.approx(1, abs=0.02)
    assert coverage == pytest.approx(1 - missed, abs=0.005)


class Keeping:
    """Evidence that makes statistics once, as a run does."""

    def __init__(self, evidence: Any) -> None:
        self.evidence, self.kept = evidence, {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.evidence, name)

    def statistics(
        self,
        name: str,
        of: Literal["real", "train"],
        compute: Callable[[Tensor], Mapping[str, Tensor]],
    ) -> Mapping[str, Tensor]:
        if (name, of) not in self.kept:
            self.kept[name, of] = compute(self.evidence.features(of))
        return self.kept[name, of]


def test_the_standard_figures_come_out_within_sampling_error_and_as_prdc_has_them(
    evidence: Callable[..., Evidence],
) -> None:
    samples, real = normal(10_000, 1000), normal(10_000, 1000, seed=1)
    given: Any = Keeping(evidence(sample_features=samples, real_features=real))
    found = PrecisionRecall(k=5).measure(given) | DensityCoverage(k=5).measure(given)
    # Of the same draw the authors' package must count the same: its distances are rounded to
    # float32, which may move one example or two over an edge.
    prdc = pytest.importorskip("prdc")
    theirs = prdc.compute_prdc(real.numpy(), samples.numpy(), nearest_k=5)
    for name, value in theirs.items():
        assert found[name].value == pytest.approx(value, abs=2e-4), name
    # The example of the code that Naeem et al. published, of a draw of their own; spreads are the
    # standard deviations of a score over six draws, and two draws differ by 1.4 of them.
    for name, standard, spread in (
        ("precision", 0.4772, 0.011),
        ("recall", 0.4705, 0.011),
        ("density", 1.0555, 0.076),
        ("coverage", 0.9735, 0.0076),
    ):
        assert found[name].value == pytest.approx(standard, abs=2 * spread), name


@pytest.mark.parametrize(("samples", "real"), [(5, 10), (10, 5)])
def test_no_more_examples_than_neighbours_are_refused(
    evidence: Callable[..., Evidence], samples: int, real: int
) -> None:
    with pytest.raises(NotApplicableError, match="density-coverage needs at least 6"):
        measured(evidence, normal(samples, 4), normal(real, 4))


def test_features_that_are_not_finite_are_refused(evidence: Callable[..., Evidence]) -> None:
    broken = normal(10, 4)
    broken[1, 2] = torch.nan
    with pytest.raises(GenbenchError, match="features of samples are not finite"):
        measured(evidence, broken, normal(10, 4))
