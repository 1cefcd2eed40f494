from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from genbench_gans import networks

IMAGES = [
    (1, 8, 8),
    (3, 9, 9),
    (1, 28, 28),
    (3, 32, 32),
    (3, 64, 64),
    (1, 8, 64),
    (3, 31, 17),
    (2, 11, 12),
    (1, 63, 33),
]
POINTS = [(1,), (2,), (10,)]


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("shape", IMAGES + POINTS, ids=str)
def test_every_shape_goes_down_and_comes_up(shape, norm, spec):
    data = spec(*shape)
    networks.check("mine", data)
    trunk, features = networks.trunk(data, 32, norm=norm)
    generator = networks.generator(data, 5, 32, norm=norm)
    assert trunk(torch.randn(3, *shape)).shape == (3, features)
    assert generator(torch.randn(3, 5)).shape == (3, *shape)


def test_every_side_from_8_to_64_comes_up_as_it_was(spec):
    for side in range(8, 65):
        data = spec(1, side, 72 - side)
        assert networks.generator(data, 2, 8)(torch.randn(2, 2)).shape == (2, 1, side, 72 - side)
        trunk, features = networks.trunk(data, 8)
        assert trunk(torch.randn(2, 1, side, 72 - side)).shape == (2, features)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 8, 8), [(8, 8), (4, 4), (2, 2)]),
        ((1, 8, 9), [(8, 9), (4, 5), (4, 3)]),
        ((1, 28, 28), [(28, 28), (14, 14), (7, 7), (4, 4)]),
        ((1, 9, 32), [(9, 32), (5, 16), (3, 8), (3, 4)]),
    ],
    ids=str,
)
def test_sides_are_halved_each_for_itself(shape, expected, spec):
    assert networks.sizes(spec(*shape)) == expected


def test_channels_double_from_the_image_down(spec):
    assert networks.channels(spec(3, 64, 64), 256) == [3, 32, 64, 128, 256]
    assert networks.channels(spec(1, 64, 64), 16) == [1, 8, 8, 8, 16]


@pytest.mark.parametrize("shape", [(1, 7, 8), (1, 65, 8), (3, 128, 128), (8, 8), (0, 8, 8), (0,)])
def test_other_data_is_refused_by_the_models_name(shape, spec):
    with pytest.raises(ValueError, match=r"mine takes images .* 8 to 64 pixels .*; tiny has"):
        networks.check("mine", spec(*shape))


def test_batch_normalisation_is_where_the_paper_has_it(spec):
    def kinds(network):
        return [type(layer) for layer in network if not isinstance(layer, nn.Flatten)]

    data = spec(3, 16, 16)
    trunk, _ = networks.trunk(data, 32)
    generator = networks.generator(data, 5, 32)
    assert kinds(trunk) == [nn.Conv2d, nn.LeakyReLU, nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU]
    first = [nn.Linear, nn.Unflatten, nn.BatchNorm2d, nn.ReLU]
    second = [nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU]
    assert kinds(generator) == [*first, *second, nn.ConvTranspose2d, nn.Tanh]
    for network in (networks.trunk(data, 32, norm=False)[0], networks.generator(spec(2), 5, 8)):
        assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network)


def test_a_bias_is_left_out_only_before_batch_normalisation(spec):
    data = spec(1, 32, 32)
    for network in (
        networks.trunk(data, 32)[0],
        networks.generator(data, 5, 32),
        networks.generator(spec(2), 5, 32),
    ):
        layers = [layer for layer in network if not isinstance(layer, nn.Unflatten)]
        for layer, after in pairwise(layers):
            if hasattr(layer, "weight") and not isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                normed = isinstance(after, nn.BatchNorm1d | nn.BatchNorm2d)
                assert (layer.bias is None) == normed, layer


def test_images_are_in_range_and_points_are_not_bounded(spec):
    for shape, bounded in (((1, 8, 8), True), ((2,), False)):
        generator = networks.generator(spec(*shape), 5, 8, norm=False)
        nn.init.constant_([m for m in generator if hasattr(m, "bias")][-1].bias, 9.0)
        assert (generator(torch.randn(4, 5)).max() <= 1) == bounded


@pytest.mark.parametrize("shape", [(1, 16, 16), (2,)], ids=str)
def test_every_layer_with_weights_is_wrapped(shape, spec):
    wrapped = []

    def wrap(layer):
        wrapped.append(layer)
        return layer

    data = spec(*shape)
    trunk, _ = networks.trunk(data, 16, wrap=wrap)
    generator = networks.generator(data, 4, 16, wrap=wrap)
    layers = [*trunk.modules(), *generator.modules()]
    weighted = [m for m in layers if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
    assert [id(m) for m in weighted] == [id(m) for m in wrapped]


def test_initial_weights_are_those_of_the_paper(spec):
    network = networks.generator(spec(1, 32, 32), 100, 128)
    for parameter in network.parameters():
        nn.init.constant_(parameter, 5.0)
    networks.initialise(network)
    for layer in network:
        if not hasattr(layer, "weight"):
            continue
        middle = 1.0 if isinstance(layer, nn.BatchNorm2d) else 0.0
        assert layer.weight.mean().item() == pytest.approx(middle, abs=0.01)
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.3)
        assert layer.bias is None or not layer.bias.any()


def test_weights_under_a_parametrization_are_initialised_too():
    torch.manual_seed(0)
    layer = spectral_norm(nn.Linear(50, 50))
    networks.initialise(layer)
    assert layer.parametrizations.weight.original.std().item() == pytest.approx(0.02, rel=0.1)
