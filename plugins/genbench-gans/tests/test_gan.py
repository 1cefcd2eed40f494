from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy

from genbench import options
from genbench.contract import has
from genbench.errors import UsageError
from genbench_gans.gan import GAN, discriminator_loss, generator_loss

LOSSES = ["minimax", "non-saturating", "least-squares", "hinge"]

on_real, on_fake = torch.tensor([[2.0], [-0.5]]), torch.tensor([[0.3], [-3.0]])


@pytest.mark.parametrize("loss", ["minimax", "non-saturating"])
def test_the_discriminator_maximises_the_value_of_the_game(loss):
    value = on_real.sigmoid().log().mean() + (1 - on_fake.sigmoid()).log().mean()
    torch.testing.assert_close(discriminator_loss(loss, on_real, on_fake), -value)


def test_the_generators_losses_are_cross_entropies():
    fake = on_fake.sigmoid()
    saturating = -binary_cross_entropy(fake, torch.zeros(2, 1))
    torch.testing.assert_close(generator_loss("minimax", on_fake), saturating)
    other = binary_cross_entropy(fake, torch.ones(2, 1))
    torch.testing.assert_close(generator_loss("non-saturating", on_fake), other)


def test_least_squares_and_hinge_by_hand():
    assert discriminator_loss("least-squares", on_real, on_fake).item() == pytest.approx(
        ((1 + 2.25) / 2 + (0.09 + 9) / 2) / 2
    )
    assert generator_loss("least-squares", on_fake).item() == pytest.approx((0.49 + 16) / 4)
    assert discriminator_loss("hinge", on_real, on_fake).item() == pytest.approx(1.5 / 2 + 1.3 / 2)
    assert generator_loss("hinge", on_fake).item() == pytest.approx(2.7 / 2)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_players_want_the_opposite_of_generated_examples(loss):
    logit = torch.zeros(1, 1, requires_grad=True)
    (judging,) = torch.autograd.grad(discriminator_loss(loss, on_real, logit + 0.5), logit)
    (fooling,) = torch.autograd.grad(generator_loss(loss, logit + 0.5), logit)
    assert judging > 0 > fooling
    (of_real,) = torch.autograd.grad(discriminator_loss(loss, logit, on_fake), logit)
    assert of_real < 0


def test_layers_are_those_of_the_docstring(spec):
    model = GAN(spec(1, 28, 28))

    def sizes(network):
        layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
        return [layers[0].in_features, *(layer.out_features for layer in layers)]

    assert sizes(model.generator) == [100, 128, 256, 512, 1024, 784]
    assert sizes(model.discriminator) == [784, 512, 256, 1]
    normed = [layer for layer in model.generator if isinstance(layer, nn.BatchNorm1d)]
    assert [layer.num_features for layer in normed] == [256, 512, 1024]
    assert not any(isinstance(m, nn.BatchNorm1d) for m in model.discriminator.modules())
    plain = GAN(spec(1, 8, 8), batch_norm=False)
    assert not any(isinstance(m, nn.BatchNorm1d) for m in plain.modules())


@pytest.mark.parametrize("shape", [(1, 5, 6), (3, 65, 9), (2,)], ids=str)
def test_any_size_is_sampled_and_each_update_moves_one_player(shape, spec, train):
    model = GAN(spec(*shape), width=32)
    stepper = train(model, torch.rand(8, *shape) * 2 - 1, steps=1)
    assert stepper.calls == [{"discriminator"}, {"generator"}]
    with torch.no_grad():
        assert model.sample(5, torch.Generator()).shape == (5, *shape)


def test_images_are_in_range_and_points_are_not_bounded(spec):
    for shape, bounded in (((1, 8, 8), True), ((2,), False)):
        model = GAN(spec(*shape), width=32).eval()
        nn.init.constant_(model.generator[-3].bias, 9.0)
        with torch.no_grad():
            assert (model.sample(4, torch.Generator()).max() <= 1) == bounded


@pytest.mark.parametrize("loss", LOSSES)
def test_points_come_to_lie_where_the_data_is(loss, spec, train):
    x = torch.tensor([3.0, -2.0]) + 0.5 * torch.randn(256, 2)
    model = GAN(spec(2), width=128, loss=loss, lr=1e-3)
    train(model, x, steps=300)
    with torch.no_grad():
        samples = model.sample(500, torch.Generator().manual_seed(0))
    assert (samples.mean(0) - x.mean(0)).abs().max() < 1


@pytest.mark.parametrize("shape", [(8, 8), (1, 0, 8), (0,)], ids=str)
def test_shapes_that_it_cannot_take_are_refused(shape, spec):
    with pytest.raises(ValueError, match=r"gan takes images .* and points"):
        GAN(spec(*shape))


@pytest.mark.parametrize(
    ("option", "value"), [("dropout", 1.0), ("loss", "wasserstein"), ("lr", 0), ("width", 8)]
)
def test_options_out_of_range_are_refused_by_name(option, value):
    with pytest.raises(UsageError, match=f"'{option}'"):
        options.resolve("model", GAN, {option: value})


@pytest.mark.parametrize("capability", ["encode", "reconstruct", "log_likelihood", "fit"])
def test_it_claims_nothing_that_it_has_not(capability, spec):
    assert not has(GAN(spec(1, 8, 8), width=32), capability)


@pytest.mark.parametrize("latent_dim", [100, 128, 512])
def test_all_hidden_layers_but_the_first_are_normalised(latent_dim, spec):
    model = GAN(spec(1, 8, 8), latent_dim=latent_dim)  # 128 and 512 are sizes of hidden layers
    kinds = [type(layer) for layer in model.generator]
    assert kinds[:2] == [nn.Linear, nn.ReLU]
    assert kinds.count(nn.BatchNorm1d) == 3
