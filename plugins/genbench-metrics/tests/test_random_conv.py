from __future__ import annotations

import numpy as np
import pytest
import torch

from genbench.contract import Splits
from genbench_metrics.fid import frechet_distance
from genbench_metrics.random_conv import GRID, RandomConv, normal

FINGERPRINT = "b4329e3b6ae288b434160ee1e00450f5c0d3e56ecf849122cb8e56439e0b2939"


@pytest.fixture(scope="module")
def random_conv() -> RandomConv:
    return RandomConv()


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=rng)


def test_the_weights_are_the_same_on_every_machine(random_conv: RandomConv) -> None:
    assert random_conv.fingerprint == FINGERPRINT


def test_no_weight_is_so_near_to_the_middle_of_two_that_machines_could_differ() -> None:
    # the largest of them are the whole networks' weights, in one draw each
    for name, n in (("0.weight", 864), ("2.weight", 18432), ("4.weight", 73728),
                    ("6.weight", 147456), ("9.weight", 131072)):  # fmt: skip
        seed = f"random-conv 1/0/{name}"
        assert (normal(seed, n) / GRID == np.rint(normal(seed, n) / GRID)).all()
        fractions = unrounded(seed, n) / GRID % 1
        assert abs(fractions - 0.5).min() * GRID > 1e-13, name


def unrounded(seed: str, n: int) -> np.ndarray:
    from genbench_metrics import random_conv

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(random_conv.np, "rint", lambda x: x)
        return random_conv.normal(seed, n)


def test_random_numbers_are_standard_normal_and_their_beginning_is_what_hashes_say() -> None:
    numbers = normal("a seed", 100_001)
    assert numbers.shape == (100_001,)
    assert abs(numbers.mean()) < 0.015
    assert abs(numbers.std() - 1) < 0.01
    assert abs((np.abs(numbers) < 1).mean() - 0.6827) < 0.006
    assert np.array_equal(normal("a seed", 100_001), numbers)
    assert not np.array_equal(normal("another seed", 100_001), numbers)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (1, 28, 28), (3, 32, 32), (3, 70, 41)])
def test_images_of_any_size_have_features(random_conv: RandomConv, shape: tuple[int, ...]) -> None:
    features = random_conv(images(5, *shape))
    assert features.shape == (5, 64)
    assert features.dtype == torch.float32
    assert features.isfinite().all()
    assert features.std(0).min() > 0


def test_grey_images_have_the_features_of_the_same_images_in_rgb(random_conv: RandomConv) -> None:
    grey = images(4, 1, 20, 20)
    torch.testing.assert_close(random_conv(grey.repeat(1, 3, 1, 1)), random_conv(grey))


def test_features_do_not_depend_on_how_images_are_divided(random_conv: RandomConv) -> None:
    x = images(250, 1, 8, 8)
    apart = torch.cat([random_conv(part) for part in x.split(97)])
    torch.testing.assert_close(random_conv(x), apart, rtol=1e-5, atol=1e-5)


def test_no_images_have_no_features(random_conv: RandomConv) -> None:
    assert random_conv(images(0, 3, 32, 32)).shape == (0, 64)


def test_features_have_the_variance_of_their_images() -> None:
    """He initialisation: neither dies out nor explodes, so that KID's kernel is of order one."""
    features = RandomConv(features=256)(images(100, 3, 32, 32))
    assert 0.1 < features.square().mean() < 1


def test_more_noise_is_a_larger_distance(random_conv: RandomConv, digits: Splits) -> None:
    real, train = random_conv(digits.test.x[:300]), digits.train.x[:300]
    noise = torch.randn(train.shape, generator=torch.Generator().manual_seed(0))
    distances = [
        frechet_distance(random_conv((train + sigma * noise).clamp(0, 255).to(torch.uint8)), real)
        for sigma in (0, 30, 60, 120)
    ]
    assert distances == sorted(distances)


def test_another_seed_or_number_of_features_is_another_ruler(random_conv: RandomConv) -> None:
    others = [RandomConv(seed=1), RandomConv(features=128)]
    assert len({random_conv.fingerprint, *(other.fingerprint for other in others)}) == 3
    x = images(2, 1, 8, 8)
    assert others[1](x).shape == (2, 128)
    assert not torch.allclose(others[0](x), random_conv(x))


@pytest.mark.parametrize(
    "x",
    [torch.zeros(2, 1, 8, 8), images(2, 2, 8, 8), images(2, 1, 7, 8), images(2, 64)],
    ids=["float", "two channels", "too small", "flat"],
)
def test_other_images_are_refused(random_conv: RandomConv, x: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="random-conv takes uint8 images of shape"):
        random_conv(x)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_measures_the_same(random_conv: RandomConv) -> None:
    x = images(100, 1, 28, 28)
    there = RandomConv().to(torch.device("cuda"))(x.cuda())
    torch.testing.assert_close(there.cpu(), random_conv(x), rtol=1e-4, atol=1e-4)
