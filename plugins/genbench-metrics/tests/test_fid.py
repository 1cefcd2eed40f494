from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from genbench.contract import Evidence, Splits
from genbench.errors import GenbenchError, NotApplicableError
from genbench_metrics import moments
from genbench_metrics.digits_cnn import DigitsCNN
from genbench_metrics.fid import FID, frechet_distance


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def whitened(n: int, d: int) -> Tensor:
    """Features whose mean is 0 and whose covariance is 1, both exactly."""
    x = normal(n, d).double()
    x = x - x.mean(0)
    return x @ torch.linalg.inv(torch.linalg.cholesky(x.T.cov().view(d, d))).T


def test_fid_is_that_of_torch_fidelity_carried_out_in_float64(
    extractor: DigitsCNN, digits: Splits, noisy: Tensor
) -> None:
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    samples, real = extractor(noisy), extractor(digits.test.x)
    statistics = [fid_features_to_statistics(x.double()) for x in (samples, real)]
    reference = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(samples, real) == pytest.approx(reference, rel=1e-10)


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


def test_fid_of_fewer_examples_than_features_is_that_of_their_spaces() -> None:
    # covariances of rank 9 and 7 in 256 dimensions; turned into 16 that hold them all
    a, b = normal(10, 256).double(), normal(8, 256, seed=1).double()
    basis = torch.linalg.qr(torch.cat([a, b]).T).Q  # (256, 18)
    expected = reference(a @ basis, b @ basis)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def reference(a: Tensor, b: Tensor) -> float:
    """The distance by roots of products of covariances, as eigenvalues of the symmetric form."""
    covariances = [x.T.cov() for x in (a, b)]
    values, vectors = torch.linalg.eigh(covariances[0])
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    shared = torch.linalg.eigvalsh(root @ covariances[1] @ root).clamp(min=0)
    shared[shared < 1e-12 * shared.max()] = 0
    means = (a.mean(0) - b.mean(0)).square().sum()
    traces = covariances[0].trace() + covariances[1].trace()
    return float(means + traces - 2 * shared.sqrt().sum())


def test_fid_is_symmetric() -> None:
    a, b = normal(60, 8), normal(40, 8, seed=1) * 2
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-12)


def test_a_collapsed_sample_is_as_far_as_its_mean_and_all_of_the_spread() -> None:
    a, b = normal(60, 8), normal(1, 8, seed=1).repeat(60, 1)
    spread = a.double().var(0).sum() + (a.double().mean(0) - b[0].double()).square().sum()
    assert frechet_distance(a, b) == pytest.approx(spread.item(), rel=1e-12)


def test_moments_by_blocks_are_those_of_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    x = normal(1000, 16) * 3 + 100
    monkeypatch.setattr(moments, "BLOCK", 77)
    made = moments.moments(x)
    expected = x.double().T.cov()
    torch.testing.assert_close(made["mean"], x.double().mean(0), rtol=1e-13, atol=0)
    torch.testing.assert_close(made["root"] @ made["root"].T, expected, rtol=0, atol=1e-12)
    assert made["trace"].item() == pytest.approx(expected.trace().item(), rel=1e-13)


@pytest.mark.parametrize(("samples", "real"), [(1, 5), (5, 1), (0, 5)])
def test_fid_refuses_fewer_than_two_examples(
    evidence: Callable[..., Evidence], samples: int, real: int
) -> None:
    given = evidence(sample_features=normal(samples, 4), real_features=normal(real, 4))
    with pytest.raises(NotApplicableError, match="fid needs at least 2"):
        FID().measure(given)


def test_fid_refuses_features_that_are_not_finite(evidence: Callable[..., Evidence]) -> None:
    features = normal(5, 4)
    features[2, 1] = torch.nan
    with pytest.raises(GenbenchError, match="features of samples are not finite"):
        FID().measure(evidence(sample_features=features, real_features=normal(5, 4)))
