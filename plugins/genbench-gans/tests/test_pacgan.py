from __future__ import annotations

import pytest
import torch

from genbench.contract import Batch
from genbench_gans.dcgan import DCGAN
from genbench_gans.pacgan import PacGAN, packed


def test_neighbours_are_put_together_along_channels():
    x = torch.arange(4 * 3 * 2 * 2.0).view(4, 3, 2, 2)
    packs = packed(x, 2)
    assert packs.shape == (2, 6, 2, 2)
    assert torch.equal(packs[0], torch.cat([x[0], x[1]]))
    assert torch.equal(packs[1], torch.cat([x[2], x[3]]))
    points = torch.arange(8.0).view(4, 2)
    assert packed(points, 2).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_the_remainder_of_a_batch_is_left_out():
    x = torch.randn(11, 1, 2, 2)
    assert packed(x, 4).shape == (2, 4, 2, 2)
    assert torch.equal(packed(x, 4), packed(x[:8], 4))


def test_a_batch_that_is_no_pack_is_refused(spec):
    model = PacGAN(spec(1, 8, 8), width=16, pack=4)
    with pytest.raises(ValueError, match=r"pack=4 samples together .* batch of 3"):
        model.train().train_step(Batch(torch.rand(3, 1, 8, 8)), lambda **_: None)


@pytest.mark.parametrize("pack", [1, 2, 3])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 17, 9), (2,)], ids=str)
def test_only_the_first_layer_of_the_discriminator_is_wider(shape, pack, spec, train):
    model, plain = PacGAN(spec(*shape), width=16, pack=pack), DCGAN(spec(*shape), width=16)
    ours = {name: p.shape for name, p in model.named_parameters()}
    theirs = {name: p.shape for name, p in plain.named_parameters()}
    assert ours.keys() == theirs.keys()
    wider = {name for name in ours if ours[name] != theirs[name]}
    assert wider == (set() if pack == 1 else {"discriminator.0.0.weight"})
    assert ours["discriminator.0.0.weight"][1] == pack * shape[0]
    judged = []
    model.discriminator.register_forward_pre_hook(lambda _, given: judged.append(given[0].shape))
    x = torch.rand(7, *shape)
    assert train(model, x, steps=1).calls == [{"discriminator"}, {"generator"}]
    assert judged == [(7 // pack, pack * shape[0], *shape[1:])] * 3
    with torch.no_grad():
        assert model.sample(5, torch.Generator()).shape == (5, *shape)


def test_a_pack_can_tell_equal_samples_from_unequal_ones(spec, train):
    # The generator is frozen on one point, which is among the data: alone nobody could tell.
    x = torch.tensor([[1.0], [-1.0]]).repeat(64, 1)[torch.randperm(128)]
    model = PacGAN(spec(1), width=32, lr=1e-2)
    model.generator[-1].weight.data.zero_()
    model.generator[-1].bias.data.fill_(1.0)
    optimizer = model.optimizers()["discriminator"]
    losses: dict[str, torch.Tensor] = {}
    for _ in range(200):
        model.train().train_step(Batch(x[torch.randperm(128)]), lambda **g: losses.update(g))
        optimizer.zero_grad()
        losses["discriminator"].backward()
        optimizer.step()
    with torch.no_grad():
        mixed, same = model.discriminator(torch.tensor([[1.0, -1.0], [1.0, 1.0]]))
    assert mixed > 2
    assert same < 0
