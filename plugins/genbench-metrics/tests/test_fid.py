from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from genbench.contract import Evidence, Splits
from genbench.errors import GenbenchError
from genbench_metrics.digits_cnn import DigitsCNN
from genbench_metrics.fid import FID, frechet_distance


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def whitened(n: int, d: int) -> Tensor:
    """Features whose mean is 0 and whose covariance is 1, both exactly."""
    x = normal(n, d).double()
    x = x - x.mean(0)
    return x @ torch.linalg.inv(torch.linalg.cholesky(x.T.cov().view(d, d))).T


def test_fid_agrees_with_torch_fidelity_on_the_same_images(
    evidence: Callable[..., Evidence],
    fidelity: Callable[..., dict[str, float]],
    extractor: DigitsCNN,
    digits: Splits,
    noisy: Tensor,
) -> None:
    reference = fidelity(fid=True)["frechet_inception_distance"]
    given = evidence(real_features=extractor(digits.test.x), sample_features=extractor(noisy))
    assert FID().measure(given)["fid"] == pytest.approx(reference, rel=1e-5)


def test_fid_of_two_normals_is_the_closed_form() -> None:
    a = whitened(500, 3)
    scale, shift = torch.tensor([2.0, 3.0, 1.0]), torch.tensor([1.0, 0.0, -2.0])
    b = a * scale + shift
    # (1 - 2)^2 + (1 - 3)^2 of the standard deviations, 1^2 + 2^2 of the means
    assert frechet_distance(a, b) == pytest.approx(5 + 5, rel=1e-9)


def test_fid_of_equal_features_is_zero_and_never_below() -> None:
    a = normal(50, 64)
    assert 0 <= frechet_distance(a, a) < 1e-5


def test_fid_survives_features_far_from_zero() -> None:
    a = whitened(500, 2) + 1e5
    assert frechet_distance(a, a + 1) == pytest.approx(2, rel=1e-6)


def test_fid_of_features_that_are_constant_is_the_distance_of_their_means() -> None:
    assert frechet_distance(torch.zeros(5, 4), torch.ones(9, 4)) == pytest.approx(4)


def test_fid_of_a_single_feature_is_the_closed_form() -> None:
    a = whitened(100, 1)
    assert frechet_distance(a, 3 * a + 1) == pytest.approx(4 + 1, rel=1e-9)


def test_fid_of_fewer_examples_than_features_is_finite() -> None:
    assert 0 < frechet_distance(normal(3, 64), normal(2, 64, seed=1)) < 1e4


@pytest.mark.parametrize(("samples", "real"), [(1, 5), (5, 1), (0, 5)])
def test_fid_refuses_fewer_than_two_examples(
    evidence: Callable[..., Evidence], samples: int, real: int
) -> None:
    given = evidence(sample_features=normal(samples, 4), real_features=normal(real, 4))
    with pytest.raises(GenbenchError, match="fid needs at least 2"):
        FID().measure(given)


def test_fid_refuses_features_that_are_not_finite(evidence: Callable[..., Evidence]) -> None:
    features = normal(5, 4)
    features[2, 1] = torch.nan
    with pytest.raises(GenbenchError, match="features of samples are not finite"):
        FID().measure(evidence(sample_features=features, real_features=normal(5, 4)))
