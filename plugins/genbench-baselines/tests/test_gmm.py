from __future__ import annotations

import dataclasses
import math
import warnings

import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from genbench import options
from genbench.errors import UsageError
from genbench_baselines.gmm import GMM


def fitted(x, spec, split, rng, **options):
    model = GMM(spec(x), **options).eval()
    model.fit(split(x), rng)
    return model


@pytest.fixture
def two():
    """3000 points of the plane: two thirds long and thin, one third round and far away."""
    g = torch.Generator().manual_seed(4)
    long = torch.randn(2000, 2, generator=g) @ torch.tensor([[2.0, 1.0], [0.0, 0.2]])
    far = torch.tensor([10.0, -10.0]) + 0.5 * torch.randn(1000, 2, generator=g)
    return torch.cat([long, far])


def test_em_finds_weights_means_and_full_covariances(two, spec, split, rng):
    model = fitted(two, spec, split, rng, components=2)
    order = model.weights.argsort(descending=True)
    torch.testing.assert_close(
        model.weights[order], torch.tensor([2 / 3, 1 / 3]), atol=1e-4, rtol=0
    )
    for k, part in zip(order, (two[:2000], two[2000:]), strict=True):
        torch.testing.assert_close(model.means[k], part.mean(0), atol=1e-3, rtol=0)
        covariance = model.factors[k] @ model.factors[k].T
        torch.testing.assert_close(covariance, part.T.cov(correction=0), atol=2e-3, rtol=0)


def test_one_component_is_the_normal_distribution_of_the_data(points, spec, split, rng):
    model = fitted(points, spec, split, rng, components=1)
    covariance = model.factors[0] @ model.factors[0].T
    expected = points.double().T.cov(correction=0).float()
    torch.testing.assert_close(covariance, expected, atol=2e-5, rtol=1e-4)


def test_likelihoods_are_those_of_scipy(two, spec, split, rng):
    model = fitted(two, spec, split, rng, components=3)
    density = torch.zeros(len(two), dtype=torch.float64)
    for weight, mean, factor in zip(model.weights, model.means, model.factors, strict=True):
        factor = factor.double()
        normal = multivariate_normal(mean.double().numpy(), (factor @ factor.T).numpy())
        density += weight.item() * torch.from_numpy(normal.pdf(two.double().numpy()))
    given = model.log_likelihood(two, rng)
    assert given.dtype == torch.float32
    torch.testing.assert_close(given, density.log().float(), rtol=1e-5, atol=1e-5)


def test_likelihoods_of_dequantised_images_are_those_of_scikit_learn(images, spec, split):
    model = fitted(images, spec, split, torch.Generator().manual_seed(0), components=3)
    reference = GaussianMixture(3, covariance_type="full")
    reference.weights_ = model.weights.double().numpy()
    reference.means_ = model.means.double().numpy()
    inverse = torch.linalg.inv(model.factors.double())
    reference.precisions_cholesky_ = inverse.transpose(1, 2).numpy()
    x = 2 * torch.rand(50, 1, 6, 5, generator=torch.Generator().manual_seed(1)) - 1
    expected = torch.from_numpy(reference.score_samples(x.flatten(1).double().numpy())).float()
    torch.testing.assert_close(model.log_likelihood(x, None), expected, rtol=1e-5, atol=1e-3)


def test_the_density_integrates_to_one(two, spec, split, rng):
    model = fitted(two, spec, split, rng, components=2)
    side = torch.arange(-16, 16, 0.05)
    at = torch.cartesian_prod(side, side)
    mass = model.log_likelihood(at, rng).double().exp().sum().item() * 0.05**2
    assert mass == pytest.approx(1, abs=1e-4)


def test_a_likelihood_depends_on_no_other_example(two, spec, split, rng):
    model = fitted(two, spec, split, rng, components=2)
    together = model.log_likelihood(two, rng)  # in three blocks
    alone = torch.cat([model.log_likelihood(x[None], rng) for x in two[-20:]])
    torch.testing.assert_close(together[-20:], alone, rtol=1e-6, atol=1e-6)


def test_samples_have_the_shares_and_moments_of_the_components(two, spec, split, rng):
    model = fitted(two, spec, split, rng, components=2)
    samples = model.sample(60_000, rng)
    assert samples.dtype == torch.float32
    far = samples[:, 1] < -5
    assert far.float().mean().item() == pytest.approx(1 / 3, abs=0.01)
    torch.testing.assert_close(samples[~far].T.cov(), two[:2000].T.cov(), atol=0.1, rtol=0)
    torch.testing.assert_close(samples[far].T.cov(), two[2000:].T.cov(), atol=0.01, rtol=0)
    torch.testing.assert_close(samples[far].mean(0), two[2000:].mean(0), atol=0.02, rtol=0)


def test_samples_of_images_are_images_of_their_levels(images, spec, split, rng):
    model = fitted(images, spec, split, rng, components=2)
    samples = model.sample(3000, rng)
    assert samples.shape == (3000, 1, 6, 5)
    assert samples.abs().max() <= 1
    level = (samples + 1) * 255 / 2
    torch.testing.assert_close(level, level.round(), atol=1e-3, rtol=0)
    expected = images.float().div(127.5).sub(1).mean(0)
    torch.testing.assert_close(samples.mean(0), expected, atol=0.06, rtol=0)


def test_no_direction_has_less_variance_than_the_regularisation(images, spec, split, rng):
    # three of thirty pixels never change, and there are fewer examples than pixels
    model = fitted(images[:20], spec, split, rng, components=4, regularisation=0.1)
    x = images[:20].float().div(127.5).sub(1).flatten(1)
    floor = 0.1 * x.var(0, correction=0).mean().item()
    for factor in model.factors:
        least = torch.linalg.eigvalsh((factor @ factor.T).double()).min().item()
        assert least > 0.95 * floor


def test_images_are_regularised_more_than_points(images, points, spec):
    assert GMM(spec(images)).regularisation == 0.02
    assert GMM(spec(points)).regularisation == 1e-6


@pytest.mark.filterwarnings("error")
def test_no_warning_escapes_where_components_find_no_examples(spec, split, rng):
    x = torch.full((40, 3), 5.0)
    x[:20] = 6  # two distinct examples, ten components
    model = fitted(x, spec, split, rng)
    assert model.log_likelihood(x, rng).isfinite().all()
    assert model.sample(100, rng).isfinite().all()


def test_the_warnings_of_others_are_left_as_they_were(two, spec, split, rng):
    before = list(warnings.filters)
    fitted(two, spec, split, rng, components=2)
    assert warnings.filters == before


def test_data_that_never_changes_can_be_fitted(spec, split, rng):
    x = torch.full((12, 3), 5.0)
    samples = fitted(x, spec, split, rng, components=2).sample(4, rng)
    torch.testing.assert_close(samples, x[:4])


def test_one_seed_gives_one_fit_and_leaves_the_global_streams(images, spec, split):
    state = torch.get_rng_state()
    first, second = (
        fitted(images[:300], spec, split, torch.Generator().manual_seed(5)) for _ in range(2)
    )
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])
    assert torch.equal(torch.get_rng_state(), state)


def test_samples_depend_on_the_generator_alone(two, spec, split, rng):
    model = fitted(two, spec, split, rng, components=2)
    first, second = (model.sample(7, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)


def test_a_checkpoint_loads_into_a_model_that_was_never_fitted(two, spec, split, rng):
    model = fitted(two, spec, split, rng, components=2)
    again = GMM(spec(two), components=2)
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.log_likelihood(two, rng), model.log_likelihood(two, rng))


def test_a_model_that_was_never_fitted_is_the_standard_normal(two, spec, rng):
    expected = -two.square().sum(1) / 2 - math.log(2 * math.pi)
    torch.testing.assert_close(GMM(spec(two)).log_likelihood(two, rng), expected)


def test_more_components_than_examples_are_refused(two, spec):
    with pytest.raises(ValueError, match="components=10 to the 9 training examples of tiny"):
        GMM(spec(two[:9]))


def test_covariances_that_are_too_large_together_are_refused(spec):
    colour = spec(torch.zeros(20, 3, 32, 32, dtype=torch.uint8))
    with pytest.raises(
        ValueError, match=r"up to 1295 numbers.*\(3, 32, 32\).*allows components=1 at most"
    ):
        GMM(colour)
    assert GMM(colour, components=1).factors.shape == (1, 3072, 3072)
    GMM(dataclasses.replace(colour, shape=(1, 28, 28)))


def test_images_without_any_covariance_are_refused(spec):
    with pytest.raises(ValueError, match="12288 numbers"):
        GMM(spec(torch.zeros(20, 3, 64, 64, dtype=torch.uint8)), components=1)


@pytest.mark.parametrize("wrong", [{"components": 0}, {"regularisation": 0}])
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match="of the model takes"):
        options.resolve("model", GMM, wrong)
