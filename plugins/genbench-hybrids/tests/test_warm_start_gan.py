from __future__ import annotations

import pytest
import torch

from genbench.contract import Batch, has
from genbench.step import Stepper
from genbench_hybrids.warm_start_gan import WarmStartGAN, distance_to_normal


def test_the_decoder_of_stage_1_is_the_generator_of_stage_2(spec, blobs):
    model = WarmStartGAN(spec(1, 8, 8), latent_dim=2, width=8, pretraining=0.5)
    stepper = Stepper(model.optimizers(), budget=4 * len(blobs))
    moves = []
    for _ in range(4):
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        model.train().train_step(Batch(blobs), stepper)
        stepper.charge(len(blobs))
        now = dict(model.named_parameters())
        moves.append({n.split(".")[0] for n in before if not torch.equal(before[n], now[n])})
    assert moves == [{"encoder", "generator"}] * 2 + [{"generator", "discriminator"}] * 2


def test_without_pretraining_it_is_the_plain_gan_with_the_same_first_weights(spec, train, blobs):
    def of(pretraining):
        torch.manual_seed(3)
        return WarmStartGAN(spec(1, 8, 8), latent_dim=2, width=8, pretraining=pretraining)

    cold, warm = of(0.0), of(0.5)
    assert set(cold.optimizers()) == {"discriminator", "generator"}
    assert not hasattr(cold, "encoder")
    for name, value in cold.state_dict().items():
        assert torch.equal(value, warm.state_dict()[name]), name
    assert "adversarial" in train(cold, blobs, steps=1)[0]


@pytest.mark.parametrize("pretraining", [0.0, 0.5])
def test_it_offers_samples_alone(pretraining, spec):
    model = WarmStartGAN(spec(1, 8, 8), width=8, pretraining=pretraining)
    assert has(model, "sample")
    assert not has(model, "encode")
    assert not has(model, "reconstruct")


def test_the_distance_to_normal_is_nought_at_its_moments_only():
    code = torch.randn(5000, 3)
    white = code - code.mean(0)
    white = white @ torch.linalg.inv(torch.linalg.cholesky(white.T @ white / len(white))).T
    assert distance_to_normal(white) < 1e-6
    assert distance_to_normal(white + 2).item() == pytest.approx(4.0, rel=1e-4)
    assert distance_to_normal(2 * white).item() == pytest.approx(9.0, rel=1e-4)
    mixed = torch.cat((white[:, :2], white[:, :1]), 1)  # correlated, each of variance 1
    assert distance_to_normal(mixed).item() == pytest.approx(2 / 3, rel=1e-4)


def test_codes_are_where_the_prior_draws_when_stage_1_ends(spec, train, blobs):
    model = WarmStartGAN(spec(1, 8, 8), latent_dim=2, width=16, pretraining=0.99)
    history = train(model, blobs, steps=300)
    with torch.no_grad():
        codes = model.encoder(blobs)
    torch.testing.assert_close(codes.mean(0), torch.zeros(2), atol=0.2, rtol=0)
    torch.testing.assert_close(codes.T.cov(), torch.eye(2), atol=0.25, rtol=0)
    assert history[290]["reconstruction"] < 0.25 * history[0]["reconstruction"]


def test_the_game_moves_each_player_its_own_way(spec, gradients, blobs):
    model = WarmStartGAN(spec(1, 8, 8), latent_dim=2, width=8, gradient_penalty=0.0)
    torch.manual_seed(7)
    found = gradients(model, Batch(blobs), progress=0.9)
    torch.manual_seed(7)
    on_fake = model.discriminator(model.generator(torch.randn(len(blobs), 2))).sigmoid()
    on_real = model.discriminator(blobs).sigmoid()
    losses = {
        "generator.0.weight": -on_fake.log().mean(),
        "discriminator.0.weight": -on_real.log().mean() - (1 - on_fake).log().mean(),
    }
    for name, loss in losses.items():
        (expected,) = torch.autograd.grad(loss, model.get_parameter(name), retain_graph=True)
        torch.testing.assert_close(found[name.split(".")[0]][name], expected, atol=1e-6, rtol=1e-3)
