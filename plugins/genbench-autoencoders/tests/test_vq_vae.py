from __future__ import annotations

import math

import pytest
import torch

from genbench.contract import Batch, has
from genbench.step import Stepper
from genbench_autoencoders.pixelcnn import GatedPixelCNN
from genbench_autoencoders.vq_vae import SMOOTHING, VQVAE


def generator(seed):
    return torch.Generator().manual_seed(seed)


class Losses(dict):
    """In place of a step: keeps the losses."""

    progress = 0.0

    def __call__(self, **losses):
        self.update(losses)


@pytest.mark.parametrize(
    ("shape", "grid"),
    [
        ((1, 8, 8), (2, 2)),
        ((1, 28, 28), (7, 7)),
        ((3, 32, 32), (8, 8)),
        ((3, 64, 64), (8, 8)),
        ((3, 31, 17), (8, 5)),
        ((5,), (1, 5)),
    ],
    ids=str,
)
def test_every_shape_has_its_grid_and_its_bits(shape, grid, spec):
    model = VQVAE(spec(*shape), codes=16, code_dim=4, width=8, prior_width=8).eval()
    assert model.grid == grid
    assert model.bits == grid[0] * grid[1] * 4
    x = torch.rand(3, *shape) * 2 - 1
    with torch.no_grad():
        assert model.encode(x).shape == (3, 4 * grid[0] * grid[1])
        assert model.reconstruct(x).shape == x.shape
        assert model.sample(2, generator(0)).shape == (2, *shape)


def test_each_vector_gets_the_code_next_to_it(spec):
    model = VQVAE(spec(1, 8, 8), codes=16, code_dim=3)
    z = torch.randn(4, 3, 2, 2)
    vectors = z.permute(0, 2, 3, 1).reshape(-1, 3)
    expected = torch.cdist(vectors, model.codebook).argmin(1).view(4, 2, 2)
    assert torch.equal(model._nearest(z), expected)
    found = model._look_up(expected)
    assert torch.equal(found[2, :, 1, 0], model.codebook[expected[2, 1, 0]])


def test_the_decoders_gradient_goes_straight_through(spec):
    model = VQVAE(spec(1, 8, 8), codes=16, commitment=0.0)
    seen = {}
    model.encoder.register_forward_hook(lambda *a: seen.update(z_e=a[2]))
    model.decoder.register_forward_hook(lambda *a: seen.update(z_q=a[1][0]))
    model.optimizers()
    losses = Losses()
    model.train_step(Batch(torch.rand(8, 1, 8, 8)), losses)
    assert not torch.allclose(seen["z_e"], seen["z_q"])
    ours, theirs = torch.autograd.grad(losses["autoencoder"], [seen["z_e"], seen["z_q"]])
    assert ours.abs().sum() > 0
    assert torch.equal(ours, theirs)


def test_commitment_pulls_vectors_to_their_codes(spec):
    model = VQVAE(spec(1, 8, 8), codes=16, code_dim=3, commitment=0.25)
    seen = {}
    model.encoder.register_forward_hook(lambda *a: seen.update(z_e=a[2]))
    model.optimizers()
    losses = Losses()
    x = torch.rand(8, 1, 8, 8)
    model.train_step(Batch(x), losses)
    model._follow = lambda *_: torch.ones(16)  # the codebook is as the losses saw it
    shown = model.train_step(Batch(x), losses)
    z_e = seen["z_e"]
    z_q = model._look_up(model._nearest(z_e))
    torch.testing.assert_close(shown["commitment"], (z_e - z_q).square().mean())
    expected = shown["reconstruction"] + 0.25 * shown["commitment"]
    torch.testing.assert_close(losses["autoencoder"], expected)
    (slope,) = torch.autograd.grad(shown["commitment"], z_e)
    torch.testing.assert_close(slope, 2 * (z_e - z_q).detach() / z_e.numel())


def test_codes_are_moving_averages_of_their_vectors(spec):
    model = VQVAE(spec(1, 8, 8), codes=4, code_dim=2, decay=0.9)
    sizes, sums = torch.tensor([3.0, 2.0, 1.0, 0.0]), torch.randn(4, 2)
    model.cluster_sizes.copy_(sizes)
    model.cluster_sums.copy_(sums)
    vectors = torch.randn(5, 2)
    shares = model._follow(vectors, torch.tensor([0, 0, 1, 3, 0]))
    assert shares.tolist() == pytest.approx([0.6, 0.2, 0, 0.2])
    sizes = 0.9 * sizes + 0.1 * torch.tensor([3.0, 1.0, 0.0, 1.0])
    added = torch.stack((vectors[[0, 1, 4]].sum(0), vectors[2], torch.zeros(2), vectors[3]))
    sums = 0.9 * sums + 0.1 * added
    torch.testing.assert_close(model.cluster_sizes, sizes)
    torch.testing.assert_close(model.cluster_sums, sums)
    smoothed = (sizes + SMOOTHING) / (sizes.sum() + 4 * SMOOTHING) * sizes.sum()
    torch.testing.assert_close(model.codebook, sums / smoothed[:, None])


def test_a_dead_code_is_moved_to_a_vector_and_a_living_one_stays(spec):
    model = VQVAE(spec(1, 8, 8), codes=4, code_dim=2)
    model.cluster_sizes.copy_(torch.tensor([5.0, 0.0, 0.3, 3.0]))  # a fair share is 2
    before = model.codebook.clone()
    vectors = torch.randn(8, 2)
    model._revive(vectors)
    moved = (model.codebook != before).any(1)
    assert moved.tolist() == [False, True, False, False]
    assert (model.codebook[1] == vectors).all(1).any()
    assert model.cluster_sizes.tolist() == pytest.approx([5, 2, 0.3, 3])
    torch.testing.assert_close(model.cluster_sums[1], 2 * model.codebook[1])


def test_the_prior_gives_no_gradient_to_the_encoder(spec):
    model = VQVAE(spec(1, 8, 8), codes=16)
    model.optimizers()
    losses = Losses()
    model.train_step(Batch(torch.rand(8, 1, 8, 8)), losses)
    others = [*model.encoder.parameters(), *model.decoder.parameters()]
    with pytest.raises(RuntimeError, match="to not have been used"):
        torch.autograd.grad(losses["prior"], others, retain_graph=True)
    with pytest.raises(RuntimeError, match="to not have been used"):
        torch.autograd.grad(losses["autoencoder"], [*model.prior.parameters()])


def test_the_autoencoder_slows_down_until_codes_stand_still(spec):
    model = VQVAE(spec(1, 8, 8), codes=16, lr=0.01)
    optimizers, losses = model.optimizers(), Losses()
    losses.progress = 0.75
    model.train_step(Batch(torch.rand(8, 1, 8, 8)), losses)
    assert optimizers["autoencoder"].param_groups[0]["lr"] == pytest.approx(0.0025)
    assert optimizers["prior"].param_groups[0]["lr"] == 0.001


def test_each_parameter_has_one_optimizer(spec):
    model = VQVAE(spec(1, 8, 8))
    players = Stepper(model.optimizers(), budget=1).parameters
    assert list(players) == ["autoencoder", "prior"]
    owned = [id(p) for parameters in players.values() for p in parameters]
    assert sorted(owned) == sorted(id(p) for p in model.parameters())


def test_it_reconstructs_samples_and_uses_its_codes(spec, train, blobs):
    model = VQVAE(spec(1, 8, 8), codes=16, width=32, prior_width=32, prior_lr=3e-3)
    history = train(model, blobs, steps=300)
    assert history[-1]["reconstruction"] < 0.15 * history[0]["reconstruction"]
    assert history[-1]["perplexity"] > 4
    assert history[-1]["prior"] < 0.95 * math.log(history[-1]["perplexity"])  # more than shares
    with torch.no_grad():
        samples = model.sample(100, generator(0)).flatten(1)
        assert torch.equal(model.sample(100, generator(0)).flatten(1), samples)
        assert (model.reconstruct(blobs) - blobs).square().mean() < 0.03
    near = torch.cdist(samples, blobs.flatten(1)).min(1).values.square() / 64
    assert near.median() < 0.05
    assert not has(model, "log_likelihood")
    assert not has(model, "log_likelihood_bound")


@pytest.mark.parametrize("shape", [(1, 7, 8), (1, 8, 65), (8, 8)], ids=str)
def test_shapes_that_it_cannot_take_are_refused(shape, spec):
    with pytest.raises(ValueError, match=r"vq-vae takes images .* 8 to 64 pixels and points"):
        VQVAE(spec(*shape))


# --------------------------------------------------------------------------------------- the prior


@pytest.mark.parametrize("layers", [1, 4])
def test_a_symbol_is_told_from_all_before_it_and_nothing_else(layers):
    torch.manual_seed(0)
    prior = GatedPixelCNN(5, 16, layers, dropout=0.0).eval()
    s = torch.randint(5, (1, 4, 4))
    embedded = prior.embedding(s).detach().requires_grad_()
    prior.embedding.register_forward_hook(lambda *_: embedded)
    logits = prior(s)
    for place in range(16):
        (slope,) = torch.autograd.grad(
            logits[0, :, place // 4, place % 4].square().sum(), embedded, retain_graph=True
        )
        seen = (slope[0].abs().sum(2) > 0).flatten().tolist()
        assert not any(seen[place:]), "neither itself nor what comes after"
        if layers == 4:
            assert all(seen[:place]), "everything before"


def test_the_prior_learns_a_rule(spec):
    # The second symbol is the first plus one, the rows below repeat the first row.
    first = torch.arange(4).repeat(8)
    row = torch.stack((first, (first + 1) % 4), 1)
    s = row[:, None].expand(-1, 2, -1)
    prior = GatedPixelCNN(4, 16, 2, dropout=0.0)
    adam = torch.optim.Adam(prior.parameters(), 0.01)
    for _ in range(150):
        adam.zero_grad()
        torch.nn.functional.cross_entropy(prior(s), s).backward()
        adam.step()
    with torch.no_grad():
        drawn = prior.eval().sample(200, (2, 2), generator(0))
    lawful = (drawn[:, 0, 1] == (drawn[:, 0, 0] + 1) % 4) & (drawn[:, 1] == drawn[:, 0]).all(1)
    assert lawful.float().mean() > 0.95
    assert drawn[:, 0, 0].bincount(minlength=4).min() > 25
