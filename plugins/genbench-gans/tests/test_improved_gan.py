from __future__ import annotations

import pytest
import torch
from torch import nn

from genbench.contract import Batch
from genbench_gans.improved_gan import KERNEL_DIM, KERNELS, Companions, ImprovedGAN

SMALL = {"latent_dim": 4, "width": 16}


def test_companions_are_those_of_section_3_2():
    companions = Companions(6)
    features = torch.randn(5, 6)
    m = (features @ companions.map.weight.T).view(5, KERNELS, KERNEL_DIM)
    expected = torch.zeros(5, KERNELS)
    for i in range(5):
        for b in range(KERNELS):
            for j in range(5):
                expected[i, b] += torch.exp(-(m[i, b] - m[j, b]).abs().sum())
    given = companions(features)
    assert torch.equal(given[:, :6], features)
    torch.testing.assert_close(given[:, 6:], expected)


def test_equal_examples_are_nearest():
    given = Companions(6)(torch.ones(5, 6))
    torch.testing.assert_close(given[:, 6:], torch.full((5, KERNELS), 5.0))


def test_real_and_generated_examples_keep_company_apart(spec, blobs):
    model = ImprovedGAN(spec(1, 8, 8), **SMALL)
    sizes = []
    model.companions.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    model.train().train_step(Batch(blobs), lambda **_: None)
    assert set(sizes) == {128}


@pytest.mark.parametrize("a", [0.9, 1.0])
def test_only_the_target_of_real_examples_is_smoothed(a, spec, blobs):
    model = ImprovedGAN(spec(1, 8, 8), smooth_label=a, feature_matching=False, **SMALL).train()
    nn.init.zeros_(model.logit.weight)
    nn.init.constant_(model.logit.bias, 0.7)  # D = sigmoid(0.7) of anything
    d = torch.tensor(0.7).sigmoid()
    losses = model.train_step(Batch(blobs), lambda **_: None)
    expected = -a * d.log() - (1 - a) * (1 - d).log() - (1 - d).log()
    torch.testing.assert_close(losses["discriminator"], expected)
    torch.testing.assert_close(losses["generator"], -d.log())


def test_feature_matching_is_of_means(spec):
    model = ImprovedGAN(spec(2), minibatch_discrimination=False, **SMALL).train()
    model.trunk = nn.Identity()
    model.generator = nn.Linear(4, 2)
    nn.init.zeros_(model.generator.weight)
    model.generator.bias.data = torch.tensor([1.0, 2.0])
    model.logit = nn.Linear(2, 1)
    x = torch.tensor([[3.0, 1.0], [5.0, 1.0]])  # of mean (4, 1)
    losses = model.train_step(Batch(x), lambda **_: None)
    assert losses["generator"].item() == pytest.approx(9 + 1)


def test_the_generator_matches_company_too(spec, blobs):
    model = ImprovedGAN(spec(1, 8, 8), **SMALL)
    assert model._features(blobs).shape[1] == model.logit.in_features
    plain = ImprovedGAN(spec(1, 8, 8), minibatch_discrimination=False, **SMALL)
    assert model.logit.in_features - plain.logit.in_features == KERNELS


def test_what_is_switched_off_leaves_no_parameters(spec):
    plain = ImprovedGAN(spec(1, 8, 8), minibatch_discrimination=False, **SMALL)
    assert not any(name.startswith("companions") for name, _ in plain.named_parameters())


@pytest.mark.parametrize("shape", [(3, 17, 9), (2,)], ids=str)
@pytest.mark.parametrize("matching", [True, False])
def test_players_are_trained_in_turns(shape, matching, spec, train):
    model = ImprovedGAN(spec(*shape), feature_matching=matching, **SMALL)
    stepper = train(model, torch.rand(8, *shape), steps=2)
    assert stepper.calls == [{"discriminator"}, {"generator"}] * 2


@pytest.mark.parametrize("matching", [True, False])
def test_points_come_to_lie_where_the_data_is(matching, spec, train):
    x = torch.tensor([3.0, -2.0]) + 0.5 * torch.randn(32, 2)
    model = ImprovedGAN(spec(2), width=64, lr=2e-3, feature_matching=matching)
    train(model, x, steps=150)
    with torch.no_grad():
        samples = model.sample(500, torch.Generator().manual_seed(0))
    assert (samples.mean(0) - x.mean(0)).abs().max() < 1.5
