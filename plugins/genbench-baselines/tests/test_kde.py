from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import gaussian_kde

from genbench import options
from genbench.errors import UsageError
from genbench_baselines import kde
from genbench_baselines.kde import KDE, likeliest_bandwidth, log_sums


def fitted(x, spec, split, rng, **options):
    model = KDE(spec(x), **options).eval()
    model.fit(split(x), rng)
    return model


def by_hand(x, examples, h, leave_out=False):
    """The definition, in float64: log 1/N sum_j N(x_i; x_j, h^2 I)."""
    x, examples = x.double(), examples.double()
    squared = (x[:, None] - examples).square().sum(-1)
    if leave_out:
        squared.fill_diagonal_(math.inf)
    dim, n = x.shape[1], len(examples) - leave_out
    constant = math.log(n) + dim * math.log(h) + dim / 2 * math.log(2 * math.pi)
    return torch.logsumexp(-squared / (2 * h**2), 1) - constant


@pytest.fixture
def moons():
    """1300 points of the plane around two half circles, more than a block."""
    g = torch.Generator().manual_seed(3)
    angle = math.pi * torch.rand(1300, generator=g)
    side = torch.arange(1300) % 2 * 2 - 1
    x = torch.stack([angle.cos() + 0.5 * side, side * angle.sin()], 1)
    return x + 0.1 * torch.randn(1300, 2, generator=g)


@pytest.mark.parametrize("h", [0.01, 0.1, 2.0])
def test_likelihoods_are_those_of_the_definition(moons, spec, split, rng, h):
    model = fitted(moons[:1200], spec, split, rng, bandwidth=h)
    x = torch.cat([moons[1200:], torch.tensor([[30.0, -20.0]])])
    expected = by_hand(x, moons[:1200], h)
    given = model.log_likelihood(x, rng)
    assert given.dtype == torch.float32
    torch.testing.assert_close(given, expected.float(), rtol=1e-5, atol=1e-5)


def test_likelihoods_are_those_of_scipy(moons, spec, split, rng):
    white = torch.linalg.solve_triangular(
        torch.linalg.cholesky(moons.T.cov()), moons.T, upper=False
    ).T.contiguous()
    reference = gaussian_kde(white.T.double().numpy(), bw_method=0.3)  # times a covariance of I
    model = fitted(white, spec, split, rng, bandwidth=0.3)
    expected = torch.from_numpy(reference.logpdf(white[:50].T.double().numpy())).float()
    torch.testing.assert_close(model.log_likelihood(white[:50], rng), expected, rtol=0, atol=1e-4)


def test_the_density_integrates_to_one(moons, spec, split, rng):
    model = fitted(moons[:40], spec, split, rng, bandwidth=0.2)
    side = torch.arange(-4, 4, 0.05)
    at = torch.cartesian_prod(side, side)
    mass = model.log_likelihood(at, rng).double().exp().sum().item() * 0.05**2
    assert mass == pytest.approx(1, abs=1e-5)


def test_likelihoods_far_from_the_origin_keep_their_digits(spec, split, rng):
    # at 4096 a float32 square is right to one unit, a thousand times these bandwidths
    x = 4096 + torch.arange(64.0).view(-1, 2) / 1024
    model = fitted(x, spec, split, rng, bandwidth=1e-3)
    expected = by_hand(x, x, 1e-3).float()
    torch.testing.assert_close(model.log_likelihood(x, rng), expected, rtol=1e-5, atol=1e-4)


def test_a_likelihood_depends_on_no_other_example(moons, spec, split, rng):
    model = fitted(moons, spec, split, rng, bandwidth=0.1)
    together = model.log_likelihood(moons, rng)
    alone = torch.cat([model.log_likelihood(x[None], rng) for x in moons[:20]])
    torch.testing.assert_close(together[:20], alone, rtol=1e-6, atol=1e-6)


def test_the_memory_of_likelihoods_is_bounded(moons, spec, split, rng, monkeypatch):
    sizes = []
    distances = kde.squared_distances
    monkeypatch.setattr(
        kde, "squared_distances", lambda a, b: sizes.append(len(a) * len(b)) or distances(a, b)
    )
    model = fitted(moons, spec, split, rng)
    model.log_likelihood(moons, rng)
    assert max(sizes) <= kde.BLOCK**2


def test_the_bandwidth_has_the_largest_likelihood_of_examples_left_out(moons):
    moons = moons[:600]
    tried = torch.linspace(0.03, 0.3, 80)
    scores = torch.stack([by_hand(moons, moons, h.item(), leave_out=True).sum() for h in tried])
    best = tried[scores.argmax()].item()
    chosen = likeliest_bandwidth(moons)
    assert chosen == pytest.approx(best, rel=0.06)
    assert by_hand(moons, moons, chosen, leave_out=True).sum() > scores.max() - 0.5


def test_a_sum_that_leaves_an_example_out_is_that_of_the_others(moons):
    index = torch.tensor([3, 700, 1299])  # in three blocks
    h = torch.tensor([0.05, 0.5], dtype=torch.float64)
    given = log_sums(moons[index], moons, h, without=index)
    for row, i in enumerate(index):
        others = torch.cat([moons[:i], moons[i + 1 :]])
        expected = log_sums(moons[i][None], others, h)[0]
        torch.testing.assert_close(given[row], expected, rtol=1e-6, atol=1e-6)


def test_the_bandwidth_of_a_normal_distribution_is_near_the_best_that_there_is():
    # Scott, "Multivariate Density Estimation", 1992: for N(0, I) in the plane h = N^(-1/6)
    # minimises the mean integrated squared error to first order; likelihood cares for tails too.
    x = torch.randn(2000, 2, generator=torch.Generator().manual_seed(0))
    assert likeliest_bandwidth(x) == pytest.approx(2000 ** (-1 / 6), rel=0.35)


def test_the_bandwidth_scales_with_the_data(moons):
    chosen = likeliest_bandwidth(moons)
    assert likeliest_bandwidth(1000 * moons) == pytest.approx(1000 * chosen, rel=1e-3)
    assert likeliest_bandwidth(moons + 100) == pytest.approx(chosen, rel=1e-3)


def test_the_order_of_examples_hardly_moves_the_bandwidth(moons):
    in_order = moons[moons[:, 0].argsort()]
    assert likeliest_bandwidth(in_order) == pytest.approx(likeliest_bandwidth(moons), rel=0.1)


def test_a_bandwidth_that_is_given_is_kept(moons, spec, split, rng):
    assert fitted(moons, spec, split, rng, bandwidth=0.7).bandwidth.item() == pytest.approx(0.7)


def test_samples_are_examples_with_noise_in_every_direction(points, spec, split, rng):
    centres = points[:4]
    model = fitted(centres, spec, split, rng, bandwidth=1e-3)
    samples = model.sample(40_000, rng)
    assert samples.dtype == torch.float32
    index = torch.cdist(samples, centres).argmin(1)
    counts = torch.bincount(index)
    assert (counts - 10_000).abs().max() < 500
    noise = (samples - centres[index]) / 1e-3
    torch.testing.assert_close(noise.T.cov(), torch.eye(5), atol=0.04, rtol=0)
    torch.testing.assert_close(noise.mean(0), torch.zeros(5), atol=0.04, rtol=0)


def test_samples_are_distributed_as_the_likelihood_says(moons, spec, split, rng):
    # E[log p] over samples, and E[p/p'] = 1 for another density p' of the same support
    model = fitted(moons, spec, split, rng, bandwidth=0.2)
    wider = fitted(moons, spec, split, rng, bandwidth=0.3)
    x = wider.sample(20_000, rng)
    ratio = (model.log_likelihood(x, rng) - wider.log_likelihood(x, rng)).double().exp()
    assert ratio.mean().item() == pytest.approx(1, abs=4 * ratio.std().item() / 20_000**0.5)


def test_samples_of_images_are_images_of_their_levels(images, spec, split, rng):
    samples = fitted(images[:400], spec, split, rng).sample(50, rng)
    assert samples.shape == (50, 1, 6, 5)
    level = (samples + 1) * 255 / 2
    torch.testing.assert_close(level, level.round(), atol=1e-3, rtol=0)
    assert samples.abs().max() <= 1


def test_images_that_all_come_twice_have_a_bandwidth(images, spec, split, rng):
    twice = images[:100].repeat(2, 1, 1, 1)
    assert fitted(twice, spec, split, rng).bandwidth.item() > 1e-3  # the noise of a level


@pytest.mark.parametrize("n", [2, 12])
def test_data_that_never_changes_can_be_fitted(spec, split, rng, n):
    x = torch.full((n, 3), 5.0)
    model = fitted(x, spec, split, rng)
    torch.testing.assert_close(model.sample(4, rng), x[:1].expand(4, 3))
    assert model.log_likelihood(x, rng).isfinite().all()


def test_points_that_all_come_twice_can_be_fitted(moons, spec, split, rng):
    model = fitted(moons[:300].repeat(2, 1), spec, split, rng)
    assert 0 < model.bandwidth < 1e-3
    assert model.log_likelihood(moons, rng).isfinite().all()


def test_a_single_example_has_no_bandwidth_unless_it_is_given(spec, split, rng):
    x = torch.zeros(1, 2)
    with pytest.raises(ValueError, match="kde needs a bandwidth: tiny has 1 training example"):
        KDE(spec(x))
    model = fitted(x, spec, split, rng, bandwidth=1.0)
    assert model.log_likelihood(x, rng).item() == pytest.approx(-math.log(2 * math.pi))


def test_samples_depend_on_the_generator_alone(moons, spec, split, rng):
    model = fitted(moons, spec, split, rng, bandwidth=0.1)
    first, second = (model.sample(7, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)


def test_a_checkpoint_loads_into_a_model_that_was_never_fitted(images, spec, split, rng):
    model = fitted(images[:300], spec, split, rng)
    again = KDE(spec(images[:300]))
    again.load_state_dict(model.state_dict())
    x = 2 * torch.rand(5, 1, 6, 5) - 1
    assert torch.equal(again.log_likelihood(x, rng), model.log_likelihood(x, rng))


def test_a_bandwidth_that_is_not_positive_is_refused():
    with pytest.raises(UsageError, match="'bandwidth' of the model takes"):
        options.resolve("model", KDE, {"bandwidth": 0})


def test_a_bandwidth_can_be_asked_for_as_text():
    assert options.resolve("model", KDE, {"bandwidth": "0.25"}) == {"bandwidth": 0.25}
    assert options.resolve("model", KDE, {"bandwidth": "null"}) == {"bandwidth": None}
