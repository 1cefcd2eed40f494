from __future__ import annotations

import pytest
import torch

from genbench_autoencoders.density import RIDGE, CodeDensity


def generator(seed):
    return torch.Generator().manual_seed(seed)


def covariance(z):
    return torch.cov(z.T, correction=0)


def test_a_normal_has_the_moments_of_the_codes():
    codes = torch.randn(400, 3) @ torch.tensor([[2.0, 1, 0], [0, 1, 0.5], [0, 0, 30]]) + 5
    density = CodeDensity(3, "normal")
    density.fit(codes, generator(0))
    torch.testing.assert_close(density.means[0], codes.mean(0))
    found = density.factors[0] @ density.factors[0].T
    torch.testing.assert_close(found, covariance(codes), rtol=1e-4, atol=1e-3)
    drawn = density.sample(40_000, generator(1))
    torch.testing.assert_close(drawn.mean(0), codes.mean(0), rtol=0.03, atol=0.3)
    torch.testing.assert_close(covariance(drawn), covariance(codes), rtol=0.05, atol=1.0)


def test_a_mixture_finds_what_a_normal_cannot():
    centres = 20 * torch.eye(4)[torch.randint(4, (600,))]
    codes = centres + torch.randn(600, 4)

    def farthest(kind):
        density = CodeDensity(4, kind)
        density.fit(codes, generator(0))
        drawn = density.sample(500, generator(1))
        return torch.cdist(drawn, codes).min(1).values.quantile(0.9)

    assert farthest("gmm") < 3 < farthest("normal")


def test_draws_depend_on_their_generator_alone():
    codes = torch.randn(200, 3)
    first, second = CodeDensity(3, "gmm"), CodeDensity(3, "gmm")
    first.fit(codes, generator(0))
    before = torch.get_rng_state()
    second.fit(codes, generator(0))
    assert torch.equal(torch.get_rng_state(), before)
    for a, b in zip(first.buffers(), second.buffers(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(first.sample(9, generator(3)), second.sample(9, generator(3)))
    assert not torch.equal(first.sample(9, generator(3)), second.sample(9, generator(4)))


@pytest.mark.parametrize("kind", ["normal", "gmm"])
@pytest.mark.parametrize(
    "codes",
    [
        torch.ones(1, 3),
        torch.ones(50, 3),
        torch.randn(4, 3),
        torch.randn(2, 3).repeat(20, 1),
        torch.randn(50, 3) * torch.tensor([1.0, 0.0, 1e-9]),
        torch.randn(50, 3) * 1e6,
    ],
    ids=["one", "equal", "few", "two", "flat", "large"],
)
def test_few_and_flat_codes_give_samples_near_them(kind, codes):
    density = CodeDensity(3, kind)
    density.fit(torch.randn(60, 3), generator(0))  # what a fit before this one has left
    density.fit(codes, generator(0))
    assert density.weights.sum() == pytest.approx(1)
    drawn = density.sample(200, generator(1))
    spread = codes.std(0, correction=0)
    assert drawn.isfinite().all()
    ridge = RIDGE**0.5 * codes.std(correction=0)
    assert ((drawn - codes.mean(0)).abs() <= 6 * (spread + ridge) + 1e-5).all()


def test_before_it_is_fitted_it_is_the_standard_normal():
    drawn = CodeDensity(2, "gmm").sample(20_000, generator(0))
    assert drawn.mean(0).abs().max() < 0.05
    torch.testing.assert_close(covariance(drawn), torch.eye(2), atol=0.05, rtol=0)


@pytest.mark.parametrize("kind", ["normal", "gmm"])
def test_codes_may_lie_far_from_the_origin(kind):
    codes = torch.randn(400, 3) + torch.tensor([1000.0, 0, -1000])
    density = CodeDensity(3, kind)
    density.fit(codes, generator(0))
    drawn = density.sample(5000, generator(1))
    torch.testing.assert_close(drawn.mean(0), codes.mean(0), rtol=0, atol=0.1)
    torch.testing.assert_close(drawn.std(0), codes.std(0), rtol=0.1, atol=0)
