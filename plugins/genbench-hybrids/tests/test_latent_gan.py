from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from genbench.contract import Batch
from genbench.step import Stepper
from genbench_hybrids.latent_gan import LatentGAN


def stages(model, x, steps):
    """The model's state after each train step, and the learning rate of the autoencoder."""
    stepper = Stepper(model.optimizers(), budget=steps * len(x))
    for _ in range(steps):
        losses = model.train().train_step(Batch(x), stepper)
        stepper.charge(len(x))
        state = {name: value.clone() for name, value in model.state_dict().items()}
        yield losses, state, stepper.optimizers["autoencoder"].param_groups[0]["lr"]


def moved(before, after):
    return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}


def test_each_stage_moves_its_own_networks_alone(spec, blobs):
    model = LatentGAN(spec(1, 8, 8), latent_dim=2, width=8, pretraining=0.5)
    states = [dict(model.state_dict())]
    states[0] = {name: value.clone() for name, value in states[0].items()}
    states += [state for _, state, _ in stages(model, blobs, 6)]
    first = {"encoder", "decoder", "code_mean", "code_variance"}
    changes = [moved(*pair) for pair in pairwise(states)]
    assert changes == [first] * 3 + [{"generator", "discriminator"}] * 3


def test_the_share_of_the_budget_is_an_option(spec, blobs):
    model = LatentGAN(spec(1, 8, 8), width=8, pretraining=0.25)
    shown = [set(losses) for losses, _, _ in stages(model, blobs, 8)]
    assert [("reconstruction" in names) for names in shown] == [True] * 2 + [False] * 6


def test_the_autoencoders_learning_rate_falls_in_the_second_half_of_its_stage(spec, blobs):
    model = LatentGAN(spec(1, 8, 8), width=8, lr=1.0, pretraining=0.8)
    rates = [rate for _, _, rate in stages(model, blobs, 10)]
    assert rates == pytest.approx([1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0.25, 0.25])


def test_codes_are_normalised_by_their_moments(spec, train, blobs):
    model = LatentGAN(spec(1, 8, 8), latent_dim=2, width=16)
    train(model, blobs, steps=400)
    with torch.no_grad():
        codes = model.encode(blobs)
    torch.testing.assert_close(model.code_mean, codes.mean(0), atol=0.05, rtol=0.05)
    torch.testing.assert_close(model.code_variance, codes.var(0, correction=0), atol=0.05, rtol=0.1)


def test_samples_are_decoded_from_codes_as_large_as_those_of_data(spec):
    model = LatentGAN(spec(1, 8, 8), latent_dim=2, width=8)
    model.code_mean.fill_(3.0)
    model.code_variance.fill_(4.0)
    model.generator = torch.nn.Identity()
    model.decoder = torch.nn.Identity()
    codes = model.sample(4000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(codes.mean(0), torch.full((2,), 3.0), atol=0.15, rtol=0)
    torch.testing.assert_close(codes.std(0), torch.full((2,), 2.0), atol=0.1, rtol=0)


def test_the_game_is_about_normalised_codes(spec, gradients, blobs):
    model = LatentGAN(spec(1, 8, 8), latent_dim=2, width=8)
    seen = []
    model.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        codes = model.encode(blobs)
        model.code_mean.copy_(codes.mean(0))
        model.code_variance.copy_(codes.var(0))
    gradients(model, Batch(blobs), progress=0.9)
    assert seen[0].mean(0).abs().max() < 0.01
    torch.testing.assert_close(seen[0].std(0), torch.ones(2), atol=0.05, rtol=0)


def test_generated_codes_get_the_spread_of_codes(spec, train, blobs):
    model = LatentGAN(spec(1, 8, 8), latent_dim=2, width=16)
    train(model, blobs, steps=800)
    with torch.no_grad():
        codes = model.generator(torch.randn(500, 2))
    assert codes.mean(0).abs().max() < 0.4
    assert 0.6 < codes.std(0).min() <= codes.std(0).max() < 1.4
