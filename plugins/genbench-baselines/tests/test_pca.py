from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA as Reference  # noqa: N811 - the name that is ours is taken

from genbench_baselines.pca import PCA


def fitted(x, spec, split, rng, **options):
    model = PCA(spec(x), **options).eval()
    model.fit(split(x), rng)
    return model


def in_model(x):
    return x.float() / 127.5 - 1


@pytest.fixture
def digits():
    x = torch.from_numpy(load_digits().images) * 255 / 16
    return x.round().to(torch.uint8)[:, None]  # (1797, 1, 8, 8)


@pytest.mark.parametrize("latent_dim", [1, 8, 40])
def test_reconstruction_error_is_that_of_scikit_learn(digits, latent_dim, spec, split, rng):
    train, test = digits[:900], digits[900:]
    model = fitted(train, spec, split, rng, latent_dim=latent_dim)
    reference = Reference(latent_dim, svd_solver="full").fit(in_model(train).flatten(1).double())
    codes = reference.transform(in_model(test).flatten(1).double())
    expected = torch.from_numpy(reference.inverse_transform(codes)).float()
    x = in_model(test)
    torch.testing.assert_close(model.reconstruct(x).flatten(1), expected, atol=1e-5, rtol=0)


def test_variances_and_noise_are_those_of_scikit_learn(digits, spec, split, rng):
    model = fitted(digits, spec, split, rng, latent_dim=8)
    reference = Reference(8, svd_solver="full").fit(in_model(digits).flatten(1).double())
    unbiased = len(digits) / (len(digits) - 1)  # scikit-learn divides by N - 1, likelihood by N
    variances = torch.from_numpy(reference.explained_variance_).float()
    torch.testing.assert_close(model.variances * unbiased, variances)
    assert model.noise_variance.item() * unbiased == pytest.approx(reference.noise_variance_)


def test_samples_have_the_covariance_of_the_model_noise_included(points, spec, split, rng):
    samples = fitted(points, spec, split, rng, latent_dim=3).sample(200_000, rng)
    reference = Reference(3, svd_solver="full").fit(points.double())
    expected = torch.from_numpy(reference.get_covariance()).float()
    torch.testing.assert_close(samples.T.cov(), expected, atol=0.1, rtol=0)
    torch.testing.assert_close(samples.mean(0), points.mean(0), atol=0.03, rtol=0)
    smallest = torch.linalg.eigvalsh(samples.double().T.cov())[:2]
    assert smallest.mean().item() == pytest.approx(reference.noise_variance_, rel=0.02)


def test_codes_are_the_posterior_means(points, spec, split, rng):
    model = fitted(points, spec, split, rng, latent_dim=2)
    weight = model.components.T * (model.variances - model.noise_variance).sqrt()  # W (dim, 2)
    m = weight.T @ weight + model.noise_variance * torch.eye(2)
    expected = (points - model.mean) @ weight @ torch.linalg.inv(m)
    torch.testing.assert_close(model.encode(points), expected, atol=1e-4, rtol=1e-4)


def test_codes_of_samples_are_uncorrelated_and_below_unit_variance(points, spec, split, rng):
    model = fitted(points, spec, split, rng, latent_dim=2)
    covariance = model.encode(model.sample(100_000, rng)).T.cov()
    expected = torch.diag(1 - model.noise_variance / model.variances)
    torch.testing.assert_close(covariance, expected, atol=0.02, rtol=0)


def test_every_component_points_where_its_largest_entry_is_positive(digits, spec, split, rng):
    components = fitted(digits, spec, split, rng).components
    assert (components.amax(1) >= -components.amin(1)).all()


def test_images_keep_their_shape(images, spec, split, rng):
    model = fitted(images, spec, split, rng, latent_dim=4)
    x = in_model(images[:9])
    assert model.encode(x).shape == (9, 4)
    assert model.reconstruct(x).shape == x.shape
    assert model.sample(3, rng).shape == (3, 1, 6, 5)
    assert model.sample(3, rng).dtype == torch.float32


def test_data_without_noise_is_reconstructed_and_sampled(spec, split, rng):
    x = torch.arange(12.0).view(-1, 1) * torch.tensor([1.0, 2.0, 3.0])
    model = fitted(x, spec, split, rng, latent_dim=2)
    torch.testing.assert_close(model.reconstruct(x), x, atol=1e-4, rtol=0)
    assert model.encode(x).isfinite().all()
    assert model.sample(5, rng).isfinite().all()


def test_samples_depend_on_the_generator_alone(points, spec, split, rng):
    model = fitted(points, spec, split, rng, latent_dim=2)
    first, second = (model.sample(7, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)


def test_a_checkpoint_loads_into_a_model_that_was_never_fitted(points, spec, split, rng):
    model = fitted(points, spec, split, rng, latent_dim=2)
    again = PCA(spec(points), latent_dim=2)
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.reconstruct(points), model.reconstruct(points))
    assert torch.equal(again.encode(points), model.encode(points))


@pytest.mark.parametrize("latent_dim", [0, 5, 8])
def test_impossible_numbers_of_components_are_refused(points, latent_dim, spec):
    with pytest.raises(ValueError, match=f"latent_dim={latent_dim} is not possible.*1 to 4"):
        PCA(spec(points), latent_dim=latent_dim)


def test_examples_too_large_for_a_covariance_are_refused(spec):
    with pytest.raises(ValueError, match="12288 numbers"):
        PCA(spec(torch.zeros(20, 3, 64, 64, dtype=torch.uint8)))
