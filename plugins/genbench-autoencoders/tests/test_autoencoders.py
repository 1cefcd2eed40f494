"""What ae, conv-ae, denoising-ae and supervised-ae promise, each for itself and together."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy, cross_entropy

from genbench.contract import Batch, has
from genbench_autoencoders.ae import AE
from genbench_autoencoders.conv_ae import ConvAE
from genbench_autoencoders.denoising_ae import DenoisingAE
from genbench_autoencoders.supervised_ae import SupervisedAE

IMAGES = [(1, 8, 8), (3, 9, 9), (1, 28, 28), (3, 64, 64), (1, 8, 64), (3, 31, 17)]
ALL = [AE, ConvAE, DenoisingAE, SupervisedAE]


def generator(seed):
    return torch.Generator().manual_seed(seed)


class Losses(dict):
    """In place of a step: keeps the losses."""

    def __call__(self, **losses):
        self.update(losses)


@pytest.mark.parametrize("model", ALL)
@pytest.mark.parametrize("shape", IMAGES, ids=str)
def test_every_shape_is_encoded_reconstructed_and_sampled(model, shape, spec):
    model = model(spec(*shape, classes=3), latent_dim=3, sampler="gmm").eval()
    x = torch.rand(4, *shape) * 2 - 1
    with torch.no_grad():
        assert model.encode(x).shape == (4, 3)
        assert model.reconstruct(x).shape == x.shape
        samples = model.sample(5, generator(0))
    assert samples.shape == (5, *shape)
    assert samples.abs().max() <= 1


@pytest.mark.parametrize("model", ALL)
def test_without_a_sampler_nothing_can_be_sampled_and_nothing_is_fitted(model, spec, split):
    plain = model(spec(1, 8, 8, classes=2))
    assert not has(plain, "sample")
    assert list(plain.buffers()) == []
    plain.fit(split(torch.rand(4, 1, 8, 8)), generator(0))
    assert not has(plain, "log_likelihood")
    assert not has(plain, "log_likelihood_bound")


@pytest.mark.parametrize("model", ALL)
@pytest.mark.parametrize("sampler", ["normal", "gmm"])
def test_a_sampler_is_fitted_to_the_codes_of_the_split(model, sampler, spec, split, blobs):
    model = model(spec(1, 8, 8, classes=2), latent_dim=2, sampler=sampler).eval()
    with torch.no_grad():
        model.fit(split(blobs), generator(0))
        codes = model.encode(blobs)
        drawn = model.density.sample(4000, generator(1))
        samples = model.sample(7, generator(2))
        expected = model.density.sample(7, generator(2))
    torch.testing.assert_close(drawn.mean(0), codes.mean(0), atol=0.1, rtol=0)
    torch.testing.assert_close(drawn.std(0), codes.std(0), atol=0.05, rtol=0.1)
    torch.testing.assert_close(model.encode(samples).shape, expected.shape)


@pytest.mark.parametrize("cost", ["mse", "bce"])
@pytest.mark.parametrize("model", [AE, DenoisingAE, SupervisedAE])
def test_reconstruction_improves_under_both_costs(model, cost, spec, train, blobs):
    model = model(spec(1, 8, 8, classes=2), latent_dim=2, cost=cost)
    y = (blobs.flatten(1).mean(1) > -0.8).long()
    before = (model.reconstruct(blobs) - blobs).square().mean()
    train(model, blobs, 300, y)
    assert (model.reconstruct(blobs) - blobs).square().mean() < 0.15 * before


def test_a_convolutional_autoencoder_learns(spec, train, blobs):
    history = train(ConvAE(spec(1, 8, 8), latent_dim=2), blobs, steps=200)
    assert history[-1]["mse"] < 0.1 * history[0]["mse"]


# --------------------------------------------------------------------------------------------- ae


def test_at_784_inputs_the_layers_are_784_128_64_128_784(spec):
    model = AE(spec(1, 28, 28))
    layers = [m for m in model.modules() if isinstance(m, nn.Linear)]
    assert [m.in_features for m in layers] == [784, 128, 64, 128]
    assert layers[-1].out_features == 784


@pytest.mark.parametrize(
    ("shape", "latent_dim"), [((1, 8, 8), 8), ((3, 32, 32), 64), ((2,), 1), ((20,), 2)]
)
def test_the_code_shrinks_with_the_data(shape, latent_dim, spec):
    assert AE(spec(*shape)).latent_dim == latent_dim
    assert AE(spec(*shape), latent_dim=5).latent_dim == 5


def test_the_cross_entropy_is_of_pixels_between_0_and_1(spec):
    model = AE(spec(1, 8, 8), cost="bce")
    x = torch.rand(5, 1, 8, 8) * 2 - 1
    losses = Losses()
    model.train_step(Batch(x), losses)
    expected = binary_cross_entropy((model.reconstruct(x) + 1) / 2, (x + 1) / 2)
    torch.testing.assert_close(losses["autoencoder"], expected)


def test_points_come_out_of_linear_units(spec, train):
    x = 5 * torch.randn(64, 1) * torch.ones(1, 2)  # a line, far outside [-1, 1]
    model = AE(spec(2), lr=0.01)
    train(model, x, steps=300)
    assert (model.reconstruct(x) - x).square().mean() < 0.5
    assert model.reconstruct(x).abs().max() > 5


@pytest.mark.parametrize("model", [AE, DenoisingAE, SupervisedAE])
def test_a_cross_entropy_of_points_is_refused(model, spec):
    with pytest.raises(ValueError, match=r"cost=bce for images alone.* shape \(2,\)"):
        model(spec(2, classes=2), cost="bce")


@pytest.mark.parametrize(
    ("model", "name"),
    [(AE, "ae"), (DenoisingAE, "denoising-ae"), (SupervisedAE, "supervised-ae")],
)
def test_what_is_neither_image_nor_point_is_refused(model, name, spec):
    with pytest.raises(ValueError, match=rf"^{name} takes images .* tiny has image .*\(8, 8\)"):
        model(spec(8, 8))


@pytest.mark.parametrize("shape", [(2,), (1, 7, 8), (1, 8, 65), (8, 8)], ids=str)
def test_conv_ae_refuses_points_and_other_sides(shape, spec):
    with pytest.raises(ValueError, match=r"conv-ae takes images .* 8 to 64 pixels; tiny has"):
        ConvAE(spec(*shape))


# ----------------------------------------------------------------------------------- denoising-ae


def test_gaussian_noise_has_its_standard_deviation(spec):
    x = torch.rand(500, 1, 8, 8)
    added = DenoisingAE(spec(1, 8, 8), noise=0.3).corrupt(x) - x
    assert added.std() == pytest.approx(0.3, rel=0.02)
    assert added.mean() == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(("shape", "masked"), [((1, 8, 8), -1.0), ((64,), 0.0)], ids=str)
def test_masking_hides_its_share_of_numbers_and_leaves_the_rest(shape, masked, spec):
    x = 0.1 + torch.rand(500, *shape) / 2
    model = DenoisingAE(spec(*shape), corruption="masking", noise=0.3)
    seen = model.corrupt(x)
    hidden = seen != x
    assert hidden.float().mean() == pytest.approx(0.3, abs=0.02)
    assert (seen[hidden] == masked).all()


@pytest.mark.parametrize("corruption", ["gaussian", "masking"])
def test_the_target_is_clean_and_the_input_is_not(corruption, spec):
    model = DenoisingAE(spec(1, 8, 8), corruption=corruption, noise=0.5)
    seen = []
    model.encoder.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    x = torch.rand(16, 1, 8, 8)
    losses = Losses()
    model.train_step(Batch(x), losses)
    assert not torch.equal(seen[0], x.flatten(1))
    expected = (model.decode(model.encoder(seen[0])) - x).square().mean()
    torch.testing.assert_close(losses["autoencoder"], expected)


def test_codes_are_of_the_clean_input(spec):
    model = DenoisingAE(spec(1, 8, 8)).eval()
    x = torch.rand(4, 1, 8, 8)
    assert torch.equal(model.encode(x), model.encoder(x.flatten(1)))


def test_it_removes_noise_better_than_one_that_saw_none(spec, train, blobs):
    torch.manual_seed(1)
    noisy = blobs + 0.5 * torch.randn_like(blobs)
    errors = {}
    for noise in (0.0, 0.5):
        torch.manual_seed(0)
        model = DenoisingAE(spec(1, 8, 8), latent_dim=16, noise=noise)
        train(model, blobs, steps=400)
        errors[noise] = (model.reconstruct(noisy) - blobs).square().mean()
    assert errors[0.5] < 0.7 * errors[0.0]


def test_a_probability_above_1_is_refused(spec):
    with pytest.raises(ValueError, match="denoising-ae masks with a probability"):
        DenoisingAE(spec(1, 8, 8), corruption="masking", noise=1.5)


# ---------------------------------------------------------------------------------- supervised-ae


def test_the_loss_is_reconstruction_and_classification(spec):
    model = SupervisedAE(spec(1, 8, 8, classes=3), classification_weight=0.5)
    x, y = torch.rand(6, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1, 2])
    losses = Losses()
    model.train_step(Batch(x, y), losses)
    expected = (model.reconstruct(x) - x).square().mean()
    expected = expected + 0.5 * cross_entropy(model.classifier(model.encode(x)), y)
    torch.testing.assert_close(losses["autoencoder"], expected)


def test_labels_shape_the_code(spec, train):
    # Labels that reconstruction has no use for: the sign of one faint pixel.
    x = torch.rand(256, 1, 8, 8) * 2 - 1
    y = (x[:, 0, 0, 0] > 0).long()

    def separation(weight):
        torch.manual_seed(0)
        model = SupervisedAE(spec(1, 8, 8, classes=2), latent_dim=2, classification_weight=weight)
        train(model, x, 300, y)
        with torch.no_grad():
            z = model.encode(x)
        return (z[y == 1].mean(0) - z[y == 0].mean(0)).norm() / z.std()

    assert separation(1.0) > 2 * separation(1e-6)


def test_unlabelled_data_is_refused(spec):
    with pytest.raises(ValueError, match=r"supervised-ae learns from labels; tiny.* has none"):
        SupervisedAE(spec(1, 8, 8))
