from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from genbench.contract import Batch
from genbench_gans.sngan import SNGAN

SMALL = {"latent_dim": 4, "width": 16, "n_dis": 1}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


class Nothing:
    """Steps nothing."""

    index = 0

    def __call__(self, **losses):
        pass


def layers(model):
    return [m for m in model.modules() if parametrize.is_parametrized(m)]


@pytest.mark.parametrize("shape", [(3, 17, 9), (2,)], ids=str)
def test_every_weight_of_the_discriminator_has_a_largest_singular_value_of_1(shape, spec, train):
    model = SNGAN(spec(*shape, classes=3), conditional=True, **SMALL)
    train(model, torch.rand(9, *shape), steps=30, y=torch.arange(9) % 3)
    weighted = [
        m
        for part in (model.trunk, model.logit, model.projection)
        for m in part.modules()
        if isinstance(m, nn.Linear | nn.Conv2d | nn.Embedding)
    ]
    assert weighted
    for layer in weighted:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(
            1, abs=0.1
        )
    assert not any(parametrize.is_parametrized(m) for m in model.generator.modules())


def test_a_train_step_iterates_twice_and_an_evaluation_never(spec, train, blobs):
    model = SNGAN(spec(1, 8, 8), **SMALL)
    passes = []
    model.logit.register_forward_pre_hook(lambda _, given: passes.append(len(given[0])))
    u = model.logit.parametrizations.weight[0]._v
    before = u.clone()
    train(model, blobs, steps=1)
    assert passes == [256, 128]
    assert not torch.equal(u, before)
    before = u.clone()
    with torch.no_grad():
        model.eval().logit(model.trunk(blobs))
    assert torch.equal(u, before)


def test_the_discriminator_is_1_lipschitz(spec, train, blobs):
    model = SNGAN(spec(1, 8, 8), **SMALL, lr=1e-2)
    train(model, blobs, steps=50)
    x = blobs.clone().requires_grad_()
    (slope,) = torch.autograd.grad(model._judge(x, None).sum(), x)
    # A convolution's norm is that of its reshaped weight times at most its kernel's overlap, 2.
    assert slope.flatten(1).norm(dim=1).max() < 2.2


def test_the_generator_moves_at_every_nth_step_after_the_discriminator(spec, train, blobs):
    model = SNGAN(spec(1, 8, 8), latent_dim=4, width=16, n_dis=3)
    turn = [{"discriminator"}, {"discriminator"}, {"discriminator"}, {"generator"}]
    assert train(model, blobs, steps=7).calls == [*turn, *turn, {"discriminator"}]


def test_losses_are_hinges(spec, blobs):
    model = SNGAN(spec(1, 8, 8), **SMALL).train()
    nn.init.constant_(model.logit.bias, 0.4)
    model.trunk.register_forward_hook(lambda *given: torch.zeros_like(given[2]))
    losses = model.train_step(Batch(blobs), Nothing())
    assert losses["discriminator"].item() == pytest.approx(0.6 + 1.4)
    assert losses["generator"].item() == pytest.approx(-0.4)
    nn.init.constant_(model.logit.bias, 3.0)
    assert model.train_step(Batch(blobs), Nothing())["discriminator"].item() == 4


def test_the_projection_is_added_to_the_logit(spec, blobs):
    model = SNGAN(spec(1, 8, 8, classes=3), conditional=True, **SMALL).eval()
    y = torch.arange(128) % 3
    with torch.no_grad():
        features = model.trunk(blobs)
        expected = model.logit(features)[:, 0]
        expected = expected + torch.einsum("nf,nf->n", model.projection.weight[y], features)
        torch.testing.assert_close(model._judge(blobs, y)[:, 0], expected)


def test_real_examples_are_judged_by_their_own_labels_and_fakes_too(spec, blobs):
    model = SNGAN(spec(1, 8, 8, classes=3), conditional=True, **SMALL).train()
    seen = {"projection": [], "label_of_z": []}
    for name, labels in seen.items():
        getattr(model, name).register_forward_pre_hook(
            lambda _, given, labels=labels: labels.append(given[0])
        )
    y = torch.arange(128) % 3
    model.train_step(Batch(blobs, y), Nothing())
    assert torch.equal(seen["projection"][0], torch.cat([y, y]))
    assert torch.equal(seen["projection"][1], y)
    assert all(torch.equal(labels, y) for labels in seen["label_of_z"])


def test_a_checkpoint_goes_on_with_the_same_vectors(spec, train, blobs):
    model = SNGAN(spec(1, 8, 8), **SMALL)
    train(model, blobs, steps=3)
    again = SNGAN(spec(1, 8, 8), **SMALL)
    again.load_state_dict(model.state_dict())
    for ours, theirs in zip(layers(model), layers(again), strict=True):
        with torch.no_grad():
            assert torch.equal(ours.train().weight, theirs.train().weight)


def test_samples_of_given_classes(spec):
    model = SNGAN(spec(1, 8, 8, classes=3), conditional=True, **SMALL).eval()
    with torch.no_grad():
        given = model.sample(2, rng(), torch.tensor([0, 1]))
        other = model.sample(2, rng(), torch.tensor([0, 2]))
        assert torch.equal(model.sample(2, rng()), model.sample(2, rng()))
    assert torch.equal(given[0], other[0])
    assert not torch.equal(given[1], other[1])


def test_classes_are_learned(spec, train):
    y = torch.arange(128) % 2
    x = torch.where(y[:, None] == 0, 2.0, -2.0) + 0.3 * torch.randn(128, 2)
    model = SNGAN(spec(2, classes=2), conditional=True, latent_dim=4, width=64, lr=2e-3)
    train(model, x, steps=300, y=y)
    with torch.no_grad():
        for label, sign in ((0, 1), (1, -1)):
            samples = model.sample(200, rng(), torch.full((200,), label))
            assert (sign * samples.mean(0)).min() > 1


def test_without_labels_it_cannot_be_conditional(spec):
    with pytest.raises(ValueError, match=r"sngan with conditional=true needs labels; tiny"):
        SNGAN(spec(1, 8, 8), conditional=True)


def test_an_unconditional_model_takes_no_classes(spec):
    with pytest.raises(ValueError, match="conditional=true"):
        SNGAN(spec(1, 8, 8, classes=2), **SMALL).eval().sample(1, rng(), torch.tensor([0]))
