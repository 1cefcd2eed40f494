from __future__ import annotations

import pytest
import torch
from torch import nn

from genbench.contract import Batch
from genbench_gans.wgan_gp import WGANGP


class Kept:
    """Keeps the losses and steps nothing."""

    def __init__(self, index=0):
        self.index = index
        self.losses = {}

    def __call__(self, **losses):
        self.losses.update(losses)


def linear(model, slope):
    """Put a linear critic in, whose gradient is ``slope`` in each of 64 pixels."""
    model.critic = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    nn.init.zeros_(model.critic[1].bias)
    nn.init.constant_(model.critic[1].weight, slope)


@pytest.mark.parametrize(("slope", "expected"), [(0.125, 0.0), (0.25, 1.0), (0.0, 1.0)])
def test_the_penalty_is_of_a_norm_that_is_not_1(slope, expected, spec, blobs):
    model = WGANGP(spec(1, 8, 8), width=16)
    linear(model, slope)  # the norm of its gradient is 8 * slope
    step = Kept()
    losses = model.train().train_step(Batch(blobs), step)
    assert losses["penalty"].item() == pytest.approx(expected, abs=1e-4)
    torch.testing.assert_close(
        step.losses["critic"], -losses["wasserstein"] + 10 * losses["penalty"]
    )
    gradients = torch.autograd.grad(step.losses["critic"], [*model.critic.parameters()])
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)


def test_wasserstein_is_real_minus_generated_and_the_generator_raises_its_own(spec, blobs):
    model = WGANGP(spec(1, 8, 8), width=16, n_critic=1)
    linear(model, 0.125)
    model.generator = nn.Sequential(nn.Linear(100, 64), nn.Unflatten(1, (1, 8, 8)))
    for parameter in model.generator.parameters():
        nn.init.constant_(parameter, 0.0)
    nn.init.constant_(model.generator[0].bias, 0.5)
    losses = model.train_step(Batch(blobs), Kept())
    torch.testing.assert_close(losses["wasserstein"], 8 * (blobs.mean() - 0.5))
    torch.testing.assert_close(losses["generator"], torch.tensor(-4.0))


def test_points_between_are_of_each_example_and_on_its_line(spec, monkeypatch):
    model = WGANGP(spec(2), width=16)
    seen = []
    model.critic.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    real, fake = torch.zeros(500, 2), torch.tensor([2.0, 4.0]).expand(500, 2)
    model._steepness(real, fake)
    (between,) = seen
    torch.testing.assert_close(between[:, 1], 2 * between[:, 0])
    share = between[:, 0] / 2
    assert share.min() >= 0
    assert share.max() <= 1
    assert share.std().item() == pytest.approx(12**-0.5, abs=0.03)


def test_the_norm_is_taken_of_each_example(spec):
    model = WGANGP(spec(2), width=16)
    x, other = torch.randn(6, 2), torch.randn(6, 2)
    torch.manual_seed(3)
    together = model._steepness(x, other)
    torch.manual_seed(3)
    share = torch.rand(6, 1)
    for i in range(6):
        point = (share[i] * x[i] + (1 - share[i]) * other[i])[None].requires_grad_()
        (slope,) = torch.autograd.grad(model.critic(point).sum(), point)
        torch.testing.assert_close(together[i], slope.norm())


def test_the_critic_is_without_batch_normalisation(spec):
    model = WGANGP(spec(1, 32, 32), width=32)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in model.critic.modules())
    assert any(isinstance(m, nn.BatchNorm2d) for m in model.generator.modules())


def test_the_generator_moves_at_every_nth_step_after_the_critic(spec, train, blobs):
    stepper = train(WGANGP(spec(1, 8, 8), width=16, n_critic=3), blobs, steps=7)
    turn = [{"critic"}, {"critic"}, {"critic"}, {"generator"}]
    assert stepper.calls == [*turn, *turn, {"critic"}]


def test_optimizers_are_those_of_algorithm_1(spec):
    for player in WGANGP(spec(1, 8, 8), width=16).optimizers().values():
        assert player.param_groups[0]["betas"] == (0.0, 0.9)


def test_training_makes_the_gradient_one(spec, train):
    x = torch.tensor([3.0, -2.0]) + 0.5 * torch.randn(256, 2)
    model = WGANGP(spec(2), width=64, lr=2e-3, n_critic=2)
    train(model, x, steps=300)
    with torch.no_grad():
        samples = model.sample(256, torch.Generator().manual_seed(0))
    assert (samples.mean(0) - x.mean(0)).abs().max() < 1
    assert model._steepness(x, samples).mean().item() == pytest.approx(1, abs=0.4)
