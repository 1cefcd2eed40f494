from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import RMSprop

from genbench.contract import Batch
from genbench_gans.wgan import WGAN


@pytest.mark.parametrize("shape", [(1, 8, 8), (2,)], ids=str)
def test_all_of_the_critic_and_nothing_else_is_clipped(shape, spec, train):
    model = WGAN(spec(*shape), width=16, clip=0.01, n_critic=1)
    nn.init.constant_(model.generator[0].weight, 0.5)
    train(model, torch.rand(8, *shape), steps=2)
    for parameter in model.critic.parameters():
        assert parameter.abs().max() <= 0.01
    assert max(p.abs().max() for p in model.generator.parameters()) > 0.01


def test_the_generator_moves_at_every_nth_step_after_the_critic(spec, train, blobs):
    stepper = train(WGAN(spec(1, 8, 8), width=16, n_critic=3), blobs, steps=7)
    turn = [{"critic"}, {"critic"}, {"critic"}, {"generator"}]
    assert stepper.calls == [*turn, *turn, {"critic"}]


def test_the_generator_descends_the_clipped_critic(spec, blobs):
    model = WGAN(spec(1, 8, 8), width=16, n_critic=1)
    nn.init.constant_(model.critic[-1].bias, 5.0)

    class Nothing:
        index = 0

        def __call__(self, **losses):
            pass

    losses = model.train().train_step(Batch(blobs), Nothing())
    # f is its bias and little more, clipped from 5 to 0.01 before the generator sees it.
    assert losses["generator"].item() == pytest.approx(-0.01, abs=0.1)


def test_losses_are_differences_of_scores(spec, blobs):
    model = WGAN(spec(1, 8, 8), width=16, n_critic=1)
    model.critic = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    nn.init.zeros_(model.critic[1].bias)
    nn.init.constant_(model.critic[1].weight, 0.01)  # f is 0.64 of the mean pixel
    model.generator = nn.Sequential(nn.Linear(100, 64), nn.Unflatten(1, (1, 8, 8)))
    for parameter in model.generator.parameters():
        nn.init.constant_(parameter, 0.0)
    given = {}

    class Kept:
        index = 0

        def __call__(self, **losses):
            given.update(losses)

    losses = model.train_step(Batch(blobs), Kept())
    torch.testing.assert_close(losses["wasserstein"], 0.64 * blobs.mean())
    torch.testing.assert_close(given["critic"], -losses["wasserstein"])
    torch.testing.assert_close(given["generator"], torch.zeros(()))


def test_optimizers_are_rmsprop(spec):
    players = WGAN(spec(1, 8, 8), width=16).optimizers()
    assert all(type(player) is RMSprop for player in players.values())


def test_points_come_to_lie_where_the_data_is(spec, train):
    x = torch.tensor([3.0, -2.0]) + 0.5 * torch.randn(256, 2)
    model = WGAN(spec(2), width=64, n_critic=2, clip=0.05, lr=2e-3)
    train(model, x, steps=400)
    with torch.no_grad():
        samples = model.sample(500, torch.Generator().manual_seed(0))
    assert (samples.mean(0) - x.mean(0)).abs().max() < 1
