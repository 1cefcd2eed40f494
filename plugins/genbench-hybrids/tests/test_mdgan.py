from __future__ import annotations

import pytest
import torch

from genbench.contract import Batch
from genbench.step import Stepper
from genbench_hybrids.mdgan import MDGAN

QUIET = {"latent_dim": 2, "width": 8, "gradient_penalty": 0.0}


def test_every_network_has_one_player(spec):
    for variant in ("regularised", "manifold-diffusion"):
        model = MDGAN(spec(1, 8, 8), variant=variant, **QUIET)
        players = Stepper(model.optimizers(), budget=1).parameters
        owned = [id(p) for parameters in players.values() for p in parameters]
        assert sorted(owned) == sorted(id(p) for p in model.parameters())


def test_the_encoder_is_moved_by_the_two_regularisers_alone(spec, gradients, blobs):
    found = {}
    for name, weights in {
        "neither": (0.0, 0.0),
        "metric": (1.0, 0.0),
        "mode": (0.0, 1.0),
        "both": (1.0, 1.0),
    }.items():
        torch.manual_seed(0)
        model = MDGAN(spec(1, 8, 8), metric_weight=weights[0], mode_weight=weights[1], **QUIET)
        found[name] = gradients(model, Batch(blobs))["encoder"]["encoder.0.weight"]
    assert found["neither"].abs().sum() == 0
    assert found["metric"].abs().sum() > 0
    assert found["mode"].abs().sum() > 0
    torch.testing.assert_close(found["metric"] + found["mode"], found["both"])


def test_the_mode_regulariser_makes_restored_images_look_real(spec, blobs):
    # The sign: what the encoder is pushed to makes D(G(E(x))) larger.
    model = MDGAN(spec(1, 8, 8), metric_weight=0.0, mode_weight=1.0, lr=1e-3, **QUIET)
    before = model.discriminator(model.reconstruct(blobs)).mean()

    class EncoderOnly(Stepper):
        def __call__(self, **losses):
            super().__call__(encoder=losses["encoder"])

    stepper = EncoderOnly(model.optimizers(), budget=1)
    for _ in range(5):
        model.train_step(Batch(blobs), stepper)
    assert model.discriminator(model.reconstruct(blobs)).mean() > before


def test_the_discriminator_of_the_main_variant_sees_no_restored_image(spec, gradients, blobs):
    # So neither the encoder's weights nor what it restores has a part in its loss.
    weights = []
    for scale in (1.0, 0.0):
        torch.manual_seed(0)
        model = MDGAN(spec(1, 8, 8), **QUIET)
        with torch.no_grad():
            model.encoder[-1].weight.mul_(scale)
        weights.append(gradients(model, Batch(blobs))["discriminator"]["discriminator.0.weight"])
    assert torch.equal(*weights)


def test_the_two_steps_tell_data_from_restored_and_restored_from_generated(spec, blobs):
    model = MDGAN(spec(1, 8, 8), variant="manifold-diffusion", **QUIET)
    restored = model.reconstruct(blobs).detach()
    seen = {"discriminator": [], "diffusion": []}
    for name, inputs in seen.items():
        network = getattr(model, name)
        network.register_forward_pre_hook(lambda _, given, to=inputs: to.append(given[0]))
    model.train_step(Batch(blobs), Stepper(model.optimizers(), budget=1))
    assert torch.equal(seen["discriminator"][0], blobs)
    torch.testing.assert_close(seen["discriminator"][1], restored)
    torch.testing.assert_close(seen["diffusion"][0], restored)
    assert not torch.allclose(seen["diffusion"][1], restored)


def test_the_diffusion_step_moves_the_generator_and_not_the_encoder(spec, gradients, blobs):
    encoder = []
    for scale in (1.0, 0.0):
        torch.manual_seed(0)
        model = MDGAN(spec(1, 8, 8), variant="manifold-diffusion", **QUIET)
        with torch.no_grad():
            model.diffusion[-1].weight.mul_(scale)
        encoder.append(gradients(model, Batch(blobs))["encoder"]["encoder.0.weight"])
    assert torch.equal(*encoder)


@pytest.mark.parametrize("variant", ["regularised", "manifold-diffusion"])
def test_it_learns_to_restore(variant, spec, train, blobs):
    model = MDGAN(spec(1, 8, 8), latent_dim=2, width=16, variant=variant)
    history = train(model, blobs, steps=250)
    assert history[-1]["reconstruction"] < 0.25 * history[0]["reconstruction"]
