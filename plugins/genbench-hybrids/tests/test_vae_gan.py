from __future__ import annotations

import pytest
import torch

from genbench.contract import Batch
from genbench_hybrids.vae_gan import VAEGAN

QUIET = {"latent_dim": 2, "width": 8, "gradient_penalty": 0.0}


def forward(model, x):
    """The terms of algorithm 1, once more and in other words, from the same draws."""
    mean, log_variance = model.encoder(x).chunk(2, 1)
    z = mean + torch.randn_like(mean) * log_variance.exp().sqrt()
    p = torch.randn_like(mean)
    d = lambda at: model.logit(model.features(at)).sigmoid()  # noqa: E731
    posterior = torch.distributions.Normal(mean, log_variance.exp().sqrt())
    normal = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    prior = torch.distributions.kl_divergence(posterior, normal).sum(1).mean()
    at, of = model.features(x), model.features(model.decoder(z))
    likelihood = 0.5 * (at - of).pow(2).sum(1).mean()
    on_data, on_restored, on_drawn = d(x), d(model.decoder(z)), d(model.decoder(p))
    game = (on_data.log() + (1 - on_restored).log() + (1 - on_drawn).log()).mean()
    generating = -(on_restored.log() + on_drawn.log()).mean()
    return prior, likelihood, game, generating


@pytest.mark.parametrize("loss", ["minimax", "non-saturating"])
def test_each_network_is_moved_by_its_line_of_algorithm_1(loss, spec, gradients, blobs):
    model = VAEGAN(spec(1, 8, 8), loss=loss, reconstruction_weight=0.3, **QUIET)
    torch.manual_seed(7)
    found = gradients(model, Batch(blobs))
    torch.manual_seed(7)
    prior, likelihood, game, generating = forward(model, blobs)
    expected = {
        "encoder": ("encoder", prior + likelihood),
        "decoder": ("decoder", 0.3 * likelihood + (game if loss == "minimax" else generating)),
        "discriminator": ("features", -game),
    }
    for player, (network, wanted) in expected.items():
        for name, parameter in getattr(model, network).named_parameters():
            (gradient,) = torch.autograd.grad(wanted, parameter, retain_graph=True)
            torch.testing.assert_close(
                found[player][f"{network}.{name}"], gradient, atol=1e-5, rtol=1e-3
            )


def test_the_discriminator_is_not_trained_for_the_likelihood(spec, gradients, blobs):
    # Its gradient does not depend on the weight, and no other than its own parameters get one.
    taken = []
    for weight in (0.1, 100.0):
        torch.manual_seed(0)
        model = VAEGAN(spec(1, 8, 8), reconstruction_weight=weight, **QUIET)
        found = gradients(model, Batch(blobs))["discriminator"]
        taken.append(found["features.0.weight"])
        assert {name.split(".")[0] for name in found} == {"features", "logit"}
    assert torch.equal(*taken)


def test_encoding_gives_the_mean(spec, blobs):
    model = VAEGAN(spec(1, 8, 8), **QUIET).eval()
    assert torch.equal(model.encode(blobs), model.encoder(blobs)[:, :2])
    assert torch.equal(model.reconstruct(blobs), model.decoder(model.encode(blobs)))


def test_images_are_restored_by_features_alone(spec, train, blobs):
    model = VAEGAN(spec(1, 8, 8), latent_dim=2, width=16)
    with torch.no_grad():
        before = (model.reconstruct(blobs) - blobs).square().mean()
    train(model, blobs, steps=400)
    with torch.no_grad():
        after = (model.reconstruct(blobs) - blobs).square().mean()
    assert after < 0.3 * before
