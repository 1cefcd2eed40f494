from __future__ import annotations

import pytest
import torch

from genbench import options
from genbench.errors import UsageError
from genbench_baselines.gaussian import Gaussian


def fitted(x, spec, split, rng, **options):
    model = Gaussian(spec(x), **options).eval()
    model.fit(split(x), rng)
    return model


def test_samples_have_the_mean_and_covariance_of_the_data(points, spec, split, rng):
    model = fitted(points, spec, split, rng)
    samples = model.sample(200_000, rng)
    assert samples.dtype == torch.float32
    torch.testing.assert_close(samples.mean(0), points.mean(0), atol=0.03, rtol=0)
    torch.testing.assert_close(samples.T.cov(), points.T.cov(), atol=0.1, rtol=0)


def test_the_factor_is_that_of_the_maximum_likelihood_covariance(points, spec, split, rng):
    model = fitted(points, spec, split, rng)
    factor = model.factor.double()
    expected = points.double().T.cov(correction=0)
    torch.testing.assert_close(factor @ factor.T, expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(model.factor, model.factor.tril())


def test_samples_of_images_have_their_shape_and_are_not_clipped(images, spec, split, rng):
    samples = fitted(images, spec, split, rng).sample(4000, rng)
    assert samples.shape == (4000, 1, 6, 5)
    assert samples.abs().max() > 1
    expected = images.float() / 127.5 - 1
    torch.testing.assert_close(samples.mean(0), expected.mean(0), atol=0.06, rtol=0)


def test_pixels_that_never_change_hardly_change_in_samples(images, spec, split, rng):
    model = fitted(images, spec, split, rng)
    constant = model.sample(1000, rng).flatten(1)[:, :3]
    torch.testing.assert_close(
        constant, torch.full_like(constant, 7 / 127.5 - 1), atol=5e-3, rtol=0
    )


def test_data_that_never_changes_can_be_fitted(spec, split, rng):
    x = torch.full((10, 3), 5.0)
    torch.testing.assert_close(fitted(x, spec, split, rng).sample(4, rng), x[:4])


def test_fewer_examples_than_pixels_can_be_fitted(images, spec, split, rng):
    assert fitted(images[:12], spec, split, rng).sample(9, rng).isfinite().all()


def test_samples_depend_on_the_generator_alone(points, spec, split, rng):
    model = fitted(points, spec, split, rng)
    first, second = (model.sample(7, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)


def test_a_checkpoint_loads_into_a_model_that_was_never_fitted(images, spec, split, rng):
    model = fitted(images, spec, split, rng)
    again = Gaussian(spec(images))
    again.load_state_dict(model.state_dict())
    first, second = (m.sample(7, torch.Generator().manual_seed(5)) for m in (model, again))
    assert torch.equal(first, second)


def test_examples_too_large_for_a_covariance_are_refused(spec):
    with pytest.raises(ValueError, match=r"\(3, 64, 64\), that is 12288 numbers.*at most 4096"):
        Gaussian(spec(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)))


def test_a_jitter_that_is_not_positive_is_refused():
    with pytest.raises(UsageError, match="'jitter' of the model takes float > 0, not 0"):
        options.resolve("model", Gaussian, {"jitter": 0})
