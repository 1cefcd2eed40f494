from __future__ import annotations

import pytest
import torch

from genbench_baselines.memorizer import Memorizer


def fitted(x, spec, split, rng):
    model = Memorizer(spec(x)).eval()
    model.fit(split(x), rng)
    return model


def test_every_sample_is_a_training_image_and_every_image_comes(images, spec, split, rng):
    train = images[:50]
    samples = fitted(train, spec, split, rng).sample(2000, rng)
    assert samples.dtype == torch.float32
    at_rest = ((samples + 1) * 127.5).round().to(torch.uint8)
    drawn = {bytes(row.flatten().tolist()) for row in at_rest}
    assert drawn == {bytes(row.flatten().tolist()) for row in train}


def test_points_are_given_back_exactly(points, spec, split, rng):
    samples = fitted(points, spec, split, rng).sample(100, rng)
    assert (samples[:, None] == points).all(-1).any(1).all()


@pytest.mark.parametrize("capability", ["encode", "reconstruct", "train_step"])
def test_it_claims_nothing_but_samples(images, capability, spec):
    assert not hasattr(Memorizer(spec(images)), capability)


def test_samples_depend_on_the_generator_alone(images, spec, split, rng):
    model = fitted(images, spec, split, rng)
    first, second = (model.sample(7, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)


def test_a_checkpoint_loads_into_a_model_that_was_never_fitted(images, spec, split, rng):
    model = fitted(images, spec, split, rng)
    again = Memorizer(spec(images))
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.examples, images)
