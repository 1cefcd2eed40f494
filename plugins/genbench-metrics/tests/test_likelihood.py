"""Likelihoods, and bounds on them, of densities whose value is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from genbench.contract import DataSpec, Evidence, NotApplicable
from genbench.dequantise import dequantised
from genbench.errors import NotApplicableError
from genbench_metrics.likelihood import Likelihood
from genbench_metrics.likelihood_bound import LikelihoodBound


def images(levels: int | None, *shape: int) -> DataSpec:
    return DataSpec("images", "image", shape, 100, levels=levels)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("levels", [2, 17, 256])
@pytest.mark.parametrize(
    ("metric", "bpd"), [(Likelihood(), "bpd"), (LikelihoodBound(), "bpd_bound")]
)
def test_a_uniform_density_costs_the_bits_of_a_level(
    levels: int, metric, bpd: str, evidence: Callable[..., Evidence]
) -> None:
    uniform = torch.full((10, 7), -3 * 8 * 8 * math.log(2), dtype=torch.float64)
    measured = metric.measure(evidence(likelihoods=uniform, data=images(levels, 3, 8, 8)))
    assert measured[bpd].value == pytest.approx(math.log2(levels), rel=1e-12)
    assert measured[bpd.replace("bpd", "nll")].value == pytest.approx(192 * math.log(levels))
    assert measured[bpd].error == pytest.approx(0, abs=1e-12)


def test_many_draws_of_a_gaussian_give_the_mass_of_each_level(
    evidence: Callable[..., Evidence],
) -> None:
    levels, scale = 8, 0.3
    density = Normal(torch.tensor(-0.2, dtype=torch.float64), scale)
    x = 2 * torch.arange(levels).double()[:, None] / (levels - 1) - 1  # (8, 1), one of each level
    edges = 2 * torch.arange(levels + 1).double() / levels - 1
    mass = density.cdf(edges[1:]) - density.cdf(edges[:-1])
    rng = torch.Generator().manual_seed(0)

    def drawn(draws: int) -> Tensor:
        rows = [dequantised(x, levels, rng).double() for _ in range(draws)]
        return torch.stack([density.log_prob(row).sum(1) for row in rows])

    given = evidence(likelihoods=drawn(20_000), data=images(levels, 1, 1, 1))
    measured = Likelihood(draws=20_000).measure(given)
    assert measured["nll"].value == pytest.approx(-mass.log().mean().item(), abs=0.01)
    assert measured["bpd"].value == pytest.approx(-mass.log2().mean().item(), abs=0.015)
    # One draw alone gives more on average: the mean of a logarithm.
    single = Likelihood(draws=1)
    ones = [
        single.measure(evidence(likelihoods=row[None], data=images(levels, 1, 1, 1)))["nll"].value
        for row in drawn(500)
    ]
    assert sum(ones) / 500 > measured["nll"].value + 0.05


def test_the_logarithm_is_of_the_mean_of_likelihoods_and_of_bounds_the_mean(
    evidence: Callable[..., Evidence],
) -> None:
    p = torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    given = evidence(likelihoods=p.log(), data=images(2, 1, 1, 1))  # a cell is 1 wide
    assert Likelihood().measure(given)["nll"].value == pytest.approx(-math.log(2))
    bound = LikelihoodBound().measure(given)["nll_bound"].value
    assert bound == pytest.approx(-math.log(3) / 2)


def test_a_noisy_bound_stays_a_bound_whatever_the_draws(evidence: Callable[..., Evidence]) -> None:
    # On average it is log p = -5, and so it keeps the contract; the mean of its exponential is not.
    noisy = -5 + 2 * noise(10, 4000)
    given = evidence(likelihoods=noisy, data=images(2, 1, 1, 1))
    bound = LikelihoodBound(draws=10).measure(given)["nll_bound"]
    assert abs(bound.value - 5) < 4 * bound.error
    assert Likelihood().measure(given)["nll"].value < 4


def test_errors_are_standard_errors_over_examples(evidence: Callable[..., Evidence]) -> None:
    nats = torch.tensor([[1.0, 2.0, 3.0, 6.0]], dtype=torch.float64)
    measured = Likelihood().measure(evidence(likelihoods=nats, data=images(256, 1, 2, 2)))
    expected = nats.std().item() / 2
    assert measured["nll"].error == pytest.approx(expected)
    assert measured["bpd"].error == pytest.approx(expected / (4 * math.log(2)))


@pytest.mark.parametrize(
    "data", [DataSpec("p", "points", (2,), 9, levels=None), images(None, 1, 1, 2)]
)
def test_continuous_data_has_nats_of_its_own_unit_and_no_bits(
    data: DataSpec, evidence: Callable[..., Evidence]
) -> None:
    x = noise(500, 2).clamp(-2, 2)
    nats = Normal(0.0, 2.0).log_prob(x).sum(1)[None]
    nll = -nats.mean().item()
    measured = Likelihood().measure(evidence(likelihoods=nats, data=data))
    assert measured["nll"].value == pytest.approx(nll)
    assert isinstance(measured["bpd"], NotApplicable)
    bound = LikelihoodBound().measure(evidence(likelihoods=nats, data=data))
    assert bound["nll_bound"].value == pytest.approx(nll)
    assert isinstance(bound["bpd_bound"], NotApplicable)


def test_the_metrics_ask_for_as_many_draws_as_their_options_say(
    evidence: Callable[..., Evidence],
) -> None:
    asked = []

    class Asked(evidence):  # type: ignore[misc, valid-type]
        def log_likelihoods(self, draws: int) -> Tensor:
            asked.append((draws,))
            return torch.zeros(draws, 3, dtype=torch.float64)

        def log_likelihood_bounds(self, draws: int, k: int) -> Tensor:
            asked.append((draws, k))
            return torch.zeros(draws, 3, dtype=torch.float64)

    Likelihood(draws=7).measure(Asked())
    LikelihoodBound(draws=3, k=40).measure(Asked())
    assert asked == [(7,), (3, 40)]


@pytest.mark.parametrize(
    ("metric", "name"), [(Likelihood(), "likelihood"), (LikelihoodBound(), "likelihood-bound")]
)
def test_an_empty_split_is_an_error(metric, name: str, evidence: Callable[..., Evidence]) -> None:
    given = evidence(likelihoods=torch.zeros(2, 0, dtype=torch.float64))
    with pytest.raises(NotApplicableError, match=f"{name} needs at least 1 example, test is empty"):
        metric.measure(given)
