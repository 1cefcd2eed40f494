from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from genbench.contract import Evidence, Splits
from genbench.errors import GenbenchError, NotApplicableError
from genbench_metrics.digits_cnn import DigitsCNN
from genbench_metrics.kid import KID


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("subset_size", "degree"), [(500, 3), (719, 3), (100, 2)])
def test_kid_is_that_of_torch_fidelity_carried_out_in_float64_on_the_same_subsets(
    evidence: Callable[..., Evidence],
    extractor: DigitsCNN,
    digits: Splits,
    noisy: Tensor,
    subset_size: int,
    degree: int,
) -> None:
    from torch_fidelity.metric_kid import kid_features_to_metric

    samples, real = extractor(noisy), extractor(digits.test.x)
    reference = kid_features_to_metric(
        samples.double(),
        real.double(),
        kid_subset_size=subset_size,
        kid_subsets=20,
        kid_kernel_poly_degree=degree,
        verbose=False,
    )
    given = evidence(real_features=real, sample_features=samples)
    measured = KID(subset_size=subset_size, subsets=20, degree=degree).measure(given)["kid"]
    assert measured.value == pytest.approx(reference["kernel_inception_distance_mean"], rel=1e-10)


def test_kid_under_a_linear_kernel_is_the_distance_of_the_means(
    evidence: Callable[..., Evidence],
) -> None:
    # two examples each: unbiased, so an example is never compared with itself
    given = evidence(
        sample_features=torch.tensor([[1.0], [3.0]]), real_features=torch.tensor([[0.0], [2.0]])
    )
    # 1*3 + 0*2 - 2 * mean(1, 3) * mean(0, 2)
    assert KID(degree=1, subsets=1).measure(given)["kid"].value == pytest.approx(3 - 4)


def test_subsets_are_never_larger_than_the_smaller_set(
    evidence: Callable[..., Evidence],
) -> None:
    given = evidence(sample_features=normal(40, 4), real_features=normal(60, 4, seed=1))
    whole = KID(subset_size=40, subsets=5).measure(given)
    assert KID(subset_size=1000, subsets=5).measure(given) == whole


@pytest.mark.parametrize("shift", [0.0, 0.5], ids=["equal", "apart"])
def test_the_error_of_kid_is_what_fresh_examples_change(
    evidence: Callable[..., Evidence], shift: float
) -> None:
    measured = []
    for seed in range(60):
        real, samples = normal(150, 8, 2 * seed), normal(400, 8, 2 * seed + 1) + shift
        given = evidence(sample_features=samples, real_features=real)
        measured.append(KID(subset_size=100, subsets=20).measure(given)["kid"])
    values = torch.tensor([kid.value for kid in measured])
    errors = torch.tensor([kid.error for kid in measured])
    # one standard deviation of 60 values is known to about a tenth of itself
    if shift:
        assert errors.mean() == pytest.approx(values.std().item(), rel=0.25)
    else:
        assert values.std() < errors.mean() < 3 * values.std()
        assert abs(values.mean()) < 3 * values.std() / len(values) ** 0.5


def test_the_error_of_kid_does_not_depend_on_the_order_of_classes(
    evidence: Callable[..., Evidence],
) -> None:
    real = torch.cat([normal(2000, 4), normal(2000, 4, seed=1) + 3])
    mixed = real[torch.randperm(4000, generator=torch.Generator().manual_seed(0))]
    samples = normal(1000, 4, seed=2) + 1
    in_order, shuffled = (
        KID(subset_size=500, subsets=5).measure(
            evidence(sample_features=samples, real_features=features)
        )["kid"]
        for features in (real, mixed)
    )
    assert in_order.error == pytest.approx(shuffled.error, rel=0.3)


def test_kid_of_features_that_are_constant_and_equal_is_zero(
    evidence: Callable[..., Evidence],
) -> None:
    given = evidence(sample_features=torch.ones(9, 4), real_features=torch.ones(5, 4))
    kid = KID().measure(given)["kid"]
    assert (kid.value, kid.error) == (0.0, 0.0)


def test_kid_of_the_smallest_sets_is_finite(evidence: Callable[..., Evidence]) -> None:
    given = evidence(sample_features=normal(2, 4), real_features=normal(2, 4, seed=1))
    kid = KID().measure(given)["kid"]
    assert torch.tensor([kid.value, kid.error]).isfinite().all()


@pytest.mark.parametrize(("samples", "real"), [(1, 5), (5, 1), (0, 5)])
def test_kid_refuses_fewer_than_two_examples(
    evidence: Callable[..., Evidence], samples: int, real: int
) -> None:
    given = evidence(sample_features=normal(samples, 4), real_features=normal(real, 4))
    with pytest.raises(NotApplicableError, match="kid needs at least 2"):
        KID().measure(given)


def test_kid_says_so_when_features_are_too_large_for_its_kernel(
    evidence: Callable[..., Evidence],
) -> None:
    large = evidence(sample_features=normal(5, 4) * 1e24, real_features=normal(5, 4))
    kid = KID().measure(large)["kid"]
    assert kid.value > 1e100
    assert math.isfinite(kid.error)
    with pytest.raises(GenbenchError, match="kid overflows: features reach"):
        KID(degree=7).measure(large)


@pytest.mark.parametrize("size", [1e28, 1e36])
def test_a_kid_whose_error_overflows_alone_is_refused_as_well(
    evidence: Callable[..., Evidence], size: float
) -> None:
    given = evidence(sample_features=normal(5, 4) * size, real_features=normal(5, 4))
    with pytest.raises(GenbenchError, match="kid overflows: features reach"):
        KID().measure(given)
