from __future__ import annotations

import pytest
import torch

from genbench.contract import Batch
from genbench.step import Stepper
from genbench_hybrids.aae import AAE, into_sectors


class Only(Stepper):
    """Steps one optimizer and leaves the others be."""

    name = ""

    def __call__(self, **losses):
        if self.name in losses:
            super().__call__(**{self.name: losses[self.name]})


@pytest.mark.parametrize(
    ("name", "networks"),
    [
        ("autoencoder", {"encoder", "decoder"}),
        ("discriminator", {"discriminator"}),
        ("encoder", {"encoder"}),
    ],
)
def test_each_phase_moves_its_own_networks(name, networks, spec, blobs):
    model = AAE(spec(1, 8, 8), latent_dim=2, width=8)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    stepper = Only(model.optimizers(), budget=1)
    stepper.name = name
    model.train_step(Batch(blobs), stepper)
    moved = {n.split(".")[0] for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert moved == networks


def test_the_encoder_makes_its_codes_look_like_draws(spec, blobs):
    model = AAE(spec(1, 8, 8), latent_dim=2, width=8)
    before = model.discriminator(model.encode(blobs)).mean()
    stepper = Only(model.optimizers(), budget=1)
    stepper.name = "encoder"
    for _ in range(5):
        model.train_step(Batch(blobs), stepper)
    assert model.discriminator(model.encode(blobs)).mean() > before


def test_codes_come_to_be_spread_as_the_prior(spec, train, blobs):
    model = AAE(spec(1, 8, 8), latent_dim=2, width=16, gan_lr=1e-3)
    history = train(model, blobs[:64], steps=600)
    with torch.no_grad():
        codes = model.encode(blobs)
    assert codes.mean(0).abs().max() < 0.5
    assert 0.6 < codes.std(0).min() <= codes.std(0).max() < 1.4
    assert history[-1]["reconstruction"] < 0.25 * history[0]["reconstruction"]


def test_sectors_are_parts_of_the_prior():
    y = torch.arange(20_000) % 5
    z = into_sectors(torch.randn(len(y), 3), y, 5)
    angle = torch.atan2(z[:, 1], z[:, 0]) % (2 * torch.pi)
    assert torch.equal((angle / (2 * torch.pi / 5)).floor().long(), y)
    torch.testing.assert_close(z.mean(0), torch.zeros(3), atol=0.05, rtol=0)
    torch.testing.assert_close(z.T.cov(), torch.eye(3), atol=0.06, rtol=0)


def test_labels_put_classes_into_their_sectors(spec, train, blobs):
    y = (blobs.flatten(1).argmax(1) % 8 > 3).long()  # left or right
    model = AAE(spec(1, 8, 8, classes=2), latent_dim=2, width=16, labels=True, gan_lr=1e-3)
    train(model, blobs[:64], steps=500, y=y[:64])
    with torch.no_grad():
        codes = model.encode(blobs)
    # The sector of class 0 is the upper half of the plane.
    assert ((codes[:, 1] < 0).long() == y).float().mean() > 0.85


def test_labels_are_needed_for_labels(spec):
    with pytest.raises(ValueError, match="aae with labels=True needs labelled data; tiny has no"):
        AAE(spec(1, 8, 8), labels=True)
    with pytest.raises(ValueError, match="latent_dim of at least 2"):
        AAE(spec(1, 8, 8, classes=3), latent_dim=1, labels=True)
