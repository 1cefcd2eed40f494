from __future__ import annotations

import dataclasses

import torch

from genbench.data import to_rest
from genbench_baselines.levels import dequantised, quantised


def test_levels_become_equal_parts_of_the_range(spec, split, rng):
    # three levels, 200 examples of each, at rest as a data set keeps them
    x = torch.tensor([0, 128, 255], dtype=torch.uint8).repeat(200).view(-1, 1, 1, 1)
    data = dataclasses.replace(spec(x), levels=3)
    noisy = dequantised(split(x), data, rng).view(200, 3)
    thirds = torch.tensor([-1, -1 / 3, 1 / 3, 1])
    assert (noisy >= thirds[:-1]).all()
    assert (noisy <= thirds[1:]).all()
    assert (noisy.amax(0) - noisy.amin(0) > 0.95 * 2 / 3).all()


def test_what_was_dequantised_is_given_back_by_its_levels(images, spec, split, rng):
    data = spec(images)
    back = quantised(dequantised(split(images), data, rng), data)
    assert torch.equal(to_rest(back).view_as(images), images)


def test_numbers_beyond_the_range_are_of_the_last_levels(images, spec):
    far = torch.tensor([[-3.0, -1.001, 1.001, 3.0]])
    assert quantised(far, spec(images)).tolist() == [[-1, -1, 1, 1]]


def test_points_stay_as_they_are(points, spec, split, rng):
    before = rng.get_state()
    assert torch.equal(dequantised(split(points), spec(points), rng), points)
    assert torch.equal(quantised(points, spec(points)), points)
    assert torch.equal(rng.get_state(), before)


def test_noise_depends_on_the_generator_alone(images, spec, split):
    first, second, third = (
        dequantised(split(images), spec(images), torch.Generator().manual_seed(seed))
        for seed in (5, 5, 6)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
