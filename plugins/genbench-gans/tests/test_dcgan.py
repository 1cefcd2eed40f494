from __future__ import annotations

import pytest
import torch
from torch import nn

from genbench.contract import Batch
from genbench_gans.dcgan import DCGAN

SMALL = {"latent_dim": 4, "width": 16}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_noise_is_uniform(spec, monkeypatch):
    model = DCGAN(spec(1, 8, 8), **SMALL)
    seen = []
    model.generator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        model.eval().sample(2000, rng())
        model.train().train_step(Batch(torch.rand(2000, 1, 8, 8)), lambda **_: None)
    assert len(seen) == 3
    for z in seen:
        assert z.abs().max() <= 1
        assert z.std().item() == pytest.approx(3**-0.5, abs=0.02)
        assert z.mean().item() == pytest.approx(0, abs=0.03)


def test_players_are_trained_in_turns_with_noise_of_their_own(spec, train, blobs):
    model = DCGAN(spec(1, 8, 8), **SMALL)
    seen = []
    model.generator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    assert train(model, blobs, steps=2).calls == [{"discriminator"}, {"generator"}] * 2
    assert len({z.sum().item() for z in seen}) == 4


def test_real_and_generated_images_pass_the_discriminator_apart(spec, blobs):
    model = DCGAN(spec(1, 8, 8), **SMALL)
    sizes = []
    model.discriminator.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    model.train().train_step(Batch(blobs), lambda **_: None)
    assert sizes == [128, 128, 128]


def test_losses_are_the_cross_entropies_of_the_game(spec, blobs):
    model = DCGAN(spec(1, 8, 8), **SMALL)
    nn.init.zeros_(model.discriminator[-1].weight)
    nn.init.constant_(model.discriminator[-1].bias, 0.7)  # D = sigmoid(0.7) of anything
    d = torch.tensor(0.7).sigmoid()
    losses = model.train().train_step(Batch(blobs), lambda **_: None)
    torch.testing.assert_close(losses["discriminator"], -d.log() - (1 - d).log())
    torch.testing.assert_close(losses["generator"], -d.log())


def test_it_learns_blobs(spec, train, blobs):
    model = DCGAN(spec(1, 8, 8), latent_dim=8, width=32, lr=2e-3)
    train(model, blobs[:64], steps=150)
    with torch.no_grad():
        samples = model.sample(256, rng())
    assert (samples.mean(0) - blobs.mean(0)).square().mean() < 0.03
    assert samples.std(0).mean() > 0.5 * blobs.std(0).mean()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 11, 20), (3,)], ids=str)
def test_samples_of_given_classes_and_of_drawn_ones(shape, spec):
    model = DCGAN(spec(*shape, classes=3), conditional=True, **SMALL).eval()
    y = torch.tensor([2, 0, 2, 1])
    with torch.no_grad():
        given, again = model.sample(4, rng(), y), model.sample(4, rng(), y)
        other = model.sample(4, rng(), torch.tensor([2, 0, 1, 1]))
    assert given.shape == (4, *shape)
    assert torch.equal(given, again)
    # the same z, and another class for one of them
    assert [torch.equal(a, b) for a, b in zip(given, other, strict=True)] == [1, 1, 0, 1]


def test_labels_are_drawn_uniformly_from_rng(spec):
    model = DCGAN(spec(2, classes=4), conditional=True, **SMALL).eval()
    seen = []
    model.label_of_z.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        for seed in (0, 0, 1):
            model.sample(4000, rng(seed))
    assert seen[0].bincount(minlength=4).min() > 900
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])


def test_both_players_see_the_label(spec, blobs):
    model = DCGAN(spec(1, 8, 8, classes=2), conditional=True, **SMALL).eval()
    zeros = torch.zeros(128, dtype=torch.int64)
    with torch.no_grad():
        assert not torch.allclose(model._judge(blobs, zeros), model._judge(blobs, zeros + 1))
        z = torch.zeros(128, 4)
        assert not torch.allclose(model._generate(z, zeros), model._generate(z, zeros + 1))


def test_classes_are_learned(spec, train):
    y = torch.arange(128) % 2
    x = torch.where(y[:, None] == 0, 2.0, -2.0) + 0.3 * torch.randn(128, 2)
    model = DCGAN(spec(2, classes=2), conditional=True, latent_dim=4, width=64, lr=1e-3)
    train(model, x, steps=300, y=y)
    with torch.no_grad():
        for label, sign in ((0, 1), (1, -1)):
            samples = model.sample(200, rng(), torch.full((200,), label))
            assert (sign * samples.mean(0)).min() > 0.3


def test_without_labels_it_cannot_be_conditional(spec):
    with pytest.raises(ValueError, match=r"dcgan with conditional=true needs labels; tiny"):
        DCGAN(spec(1, 8, 8), conditional=True)


def test_classes_that_do_not_fit_are_refused(spec):
    y = torch.tensor([0, 1])
    with pytest.raises(ValueError, match="conditional=true"):
        DCGAN(spec(1, 8, 8, classes=2), **SMALL).eval().sample(2, rng(), y)
    with pytest.raises(ValueError, match=r"3 samples of classes of shape \(2,\)"):
        DCGAN(spec(1, 8, 8, classes=2), conditional=True, **SMALL).eval().sample(3, rng(), y)


def test_an_unconditional_model_has_no_use_for_labels(spec):
    plain, labelled = spec(1, 8, 8), spec(1, 8, 8, classes=10)
    assert DCGAN(plain, **SMALL).state_dict().keys() == DCGAN(labelled, **SMALL).state_dict().keys()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_it_trains_and_samples_on_a_gpu(spec, train, blobs):
    model = DCGAN(spec(1, 8, 8, classes=2), conditional=True, **SMALL).cuda()
    train(model, blobs.cuda(), steps=3, y=torch.zeros(128, dtype=torch.int64).cuda())
    with torch.no_grad():
        samples = model.sample(
            4, torch.Generator("cuda").manual_seed(0), torch.tensor([0, 1, 1, 0])
        )
    assert samples.device.type == "cuda"
    assert samples.isfinite().all()
