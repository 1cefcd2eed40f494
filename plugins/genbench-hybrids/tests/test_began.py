from __future__ import annotations

import pytest
import torch
from torch.nn.functional import l1_loss

from genbench.contract import Batch
from genbench.step import Stepper
from genbench_hybrids.began import BEGAN


def one_step(model, x):
    return model.train().train_step(Batch(x), Stepper(model.optimizers(), budget=1))


def test_the_balance_moves_by_the_papers_rule(spec, blobs):
    model = BEGAN(spec(1, 8, 8), width=8, diversity=0.7, balance_rate=0.1)
    model.balance.fill_(0.5)
    losses = one_step(model, blobs)
    off = 0.7 * losses["reconstruction"] - losses["generated"]
    torch.testing.assert_close(model.balance, 0.5 + 0.1 * off)
    torch.testing.assert_close(losses["convergence"], losses["reconstruction"] + off.abs())
    assert off != 0


def test_the_losses_are_those_of_the_paper(spec, blobs):
    model = BEGAN(spec(1, 8, 8), width=8)
    expected = l1_loss(model.reconstruct(blobs), blobs)
    losses = one_step(model, blobs)
    torch.testing.assert_close(losses["reconstruction"], expected)


@pytest.mark.parametrize(("start", "rate"), [(0.0, 9.0), (1.0, 9.0)])
def test_the_balance_stays_between_nought_and_one(start, rate, spec, blobs):
    model = BEGAN(spec(1, 8, 8), width=8, balance_rate=rate)
    model.balance.fill_(start)
    for _ in range(3):
        one_step(model, blobs)
        assert 0 <= model.balance <= 1


def test_the_balance_starts_at_nought_and_is_state(spec):
    model = BEGAN(spec(1, 8, 8), width=8)
    assert model.state_dict()["balance"] == 0
    assert not any(name == "balance" for name, _ in model.named_parameters())


def test_the_balance_says_how_much_the_discriminator_cares_for_generated_images(
    spec, gradients, blobs
):
    def of(balance):
        torch.manual_seed(0)
        model = BEGAN(spec(1, 8, 8), width=8)
        model.balance.fill_(balance)
        found = gradients(model, Batch(blobs))
        name = "decoder.0.weight"
        return found["discriminator"][name], found["generator"]["generator.0.weight"]

    (none, generator), (half, _), (full, same) = of(0.0), of(0.5), of(1.0)
    torch.testing.assert_close(half, (none + full) / 2, atol=1e-7, rtol=1e-4)
    assert not torch.allclose(none, full)
    assert torch.equal(generator, same)


def test_the_generator_is_moved_through_both_sides_of_its_loss(spec, gradients, blobs):
    torch.manual_seed(0)
    model = BEGAN(spec(1, 8, 8), width=8)
    torch.manual_seed(1)
    found = gradients(model, Batch(blobs))["generator"]["generator.0.weight"]
    torch.manual_seed(1)
    fake = model.generator(2 * torch.rand(len(blobs), 8) - 1)
    loss = (fake - model.decoder(model.encoder(fake))).abs().mean()
    (expected,) = torch.autograd.grad(loss, model.generator[0].weight)
    torch.testing.assert_close(found, expected)


def test_the_prior_is_uniform(spec):
    model = BEGAN(spec(1, 8, 8), latent_dim=4, width=8)
    model.generator = torch.nn.Identity()
    z = model.sample(5000, torch.Generator().manual_seed(0))
    assert -1 <= z.min() < -0.99
    assert 0.99 < z.max() <= 1
    assert z.var().item() == pytest.approx(1 / 3, abs=0.02)


def test_the_discriminator_learns_to_restore(spec, train, blobs):
    model = BEGAN(spec(1, 8, 8), latent_dim=2, width=16)
    history = train(model, blobs, steps=250)
    assert history[-1]["reconstruction"] < 0.5 * history[0]["reconstruction"]
