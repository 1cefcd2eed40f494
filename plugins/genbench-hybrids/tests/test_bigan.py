from __future__ import annotations

import torch
from torch.nn.functional import softplus

from genbench.contract import Batch
from genbench_hybrids.bigan import BiGAN

QUIET = {"latent_dim": 2, "width": 8, "gradient_penalty": 0.0}


def test_the_players_are_moved_by_the_value_and_by_that_with_labels_swapped(spec, gradients, blobs):
    model = BiGAN(spec(1, 8, 8), **QUIET)
    torch.manual_seed(7)
    found = gradients(model, Batch(blobs))
    torch.manual_seed(7)
    z = torch.randn(len(blobs), 2)
    on_data = model.discriminator(blobs, model.encoder(blobs)).sigmoid()
    on_prior = model.discriminator(model.generator(z), z).sigmoid()
    value = on_data.log().mean() + (1 - on_prior).log().mean()
    swapped = (1 - on_data).log().mean() + on_prior.log().mean()
    for player, loss in {"discriminator": -value, "generator": -swapped}.items():
        for name, gradient in found[player].items():
            (expected,) = torch.autograd.grad(loss, model.get_parameter(name), retain_graph=True)
            torch.testing.assert_close(gradient, expected, atol=1e-6, rtol=1e-3)
    assert {name.split(".")[0] for name in found["generator"]} == {"generator", "encoder"}
    assert {name.split(".")[0] for name in found["discriminator"]} == {"discriminator"}


def test_the_penalty_is_on_both_parts_of_a_pair(spec, gradients, blobs):
    def of(penalty):
        torch.manual_seed(0)
        model = BiGAN(spec(1, 8, 8), **(QUIET | {"gradient_penalty": penalty}))
        return gradients(model, Batch(blobs)), model

    (with_it, model), (without, _) = of(1.0), of(0.0)
    name = "discriminator.of_z.0.weight"
    added = with_it["discriminator"][name] - without["discriminator"][name]
    x = blobs.clone().requires_grad_()
    code = model.encoder(blobs)
    taken = torch.autograd.grad(model.discriminator(x, code).sum(), (x, code), create_graph=True)
    wanted = sum(slope.square().flatten(1).sum(1).mean() for slope in taken) / 2
    (expected,) = torch.autograd.grad(wanted, model.get_parameter(name))
    torch.testing.assert_close(added, expected, atol=1e-6, rtol=1e-2)
    # Nothing of it reaches the other side, which would flatten D by way of codes.
    assert torch.equal(
        with_it["generator"]["encoder.0.weight"], without["generator"]["encoder.0.weight"]
    )


def test_the_discriminator_looks_at_codes_and_images(spec, blobs):
    model = BiGAN(spec(1, 8, 8), **QUIET)
    code = model.encode(blobs)
    on_pairs = model.discriminator(blobs, code)
    assert not torch.allclose(on_pairs, model.discriminator(blobs, code.flip(0)))
    assert not torch.allclose(on_pairs, model.discriminator(blobs.flip(0), code))
    assert torch.isfinite(softplus(on_pairs)).all()


def test_generator_and_encoder_come_to_undo_each_other(spec, train, blobs):
    model = BiGAN(spec(1, 8, 8), latent_dim=2, width=16)

    def error():
        with torch.no_grad():
            return (model.reconstruct(blobs) - blobs).square().mean()

    before = error()
    train(model, blobs[:32], steps=1250)
    assert error() < 0.3 * before
