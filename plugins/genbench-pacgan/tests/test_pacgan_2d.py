"""The model: packs, players, networks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import genbench.testing
from genbench.contract import Batch, DataSpec
from genbench.step import Stepper
from genbench_pacgan.pacgan_2d import MAXOUT, PIECES, Maxout, PacGAN2D

POINTS = DataSpec("ring", "points", (2,), 1000, classes=8, levels=None)

test_contract = genbench.testing.contract(PacGAN2D, data=(2,))
test_contract_of_the_plain_gan = genbench.testing.contract(PacGAN2D, options={"pack": 1}, data=(3,))


class Seen(nn.Module):
    """In the place of the discriminator: keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Tensor] = []

    def forward(self, packs: Tensor) -> Tensor:
        self.batches.append(packs)
        return packs.sum(1, keepdim=True)


def test_the_discriminator_judges_packs_of_points_that_are_all_real_or_all_fake() -> None:
    model = PacGAN2D(POINTS, pack=3)
    optimizers = model.optimizers()
    model.discriminator = seen = Seen()
    x = torch.arange(20.0).reshape(10, 2) + 100
    step = Stepper({"generator": optimizers["generator"]}, budget=1)
    losses = {}

    class Recorded:
        progress, index = 0.0, 0

        def __call__(self, **given: Tensor) -> None:
            losses.update(given)
            step(generator=given["generator"])

    model.train().train_step(Batch(x), Recorded())
    real, fake = seen.batches
    assert torch.equal(real, x[:9].reshape(3, 6))  # 3 packs; the tenth point is left over
    assert fake.shape == (3, 6)
    assert (fake < 50).all()
    assert losses.keys() == {"discriminator", "generator"}, "one simultaneous update"


def test_a_generator_that_fools_has_a_small_loss_and_the_discriminator_a_large_one() -> None:
    model = PacGAN2D(POINTS, pack=1)
    with torch.no_grad():
        for layer in model.discriminator.modules():
            if isinstance(layer, nn.Linear):
                layer.weight.zero_()
        model.discriminator[-1].bias.fill_(5.0)  # it takes everything for real
    losses = model.train_step(Batch(torch.zeros(8, 2)), Stepper(model.optimizers(), budget=1))
    # log(1 + e^-5) for the one, and log(1 + e^5) beside it for the other
    assert losses["adversarial"].item() == pytest.approx(0.0067, abs=1e-4)
    assert losses["discriminator"].item() == pytest.approx(5.0134, abs=1e-3)


def test_a_maxout_unit_is_the_largest_of_five_linear_functions() -> None:
    layer = Maxout(3)
    nn.init.zeros_(layer.linear.bias)
    x = torch.randn(4, 3)
    units = torch.stack(
        [
            torch.stack([x @ layer.linear.weight[p * MAXOUT + u] for p in range(PIECES)]).amax(0)
            for u in range(MAXOUT)
        ],
        dim=1,
    )
    assert torch.allclose(layer(x), units, atol=1e-5)


def test_the_networks_are_those_of_the_paper() -> None:
    model = PacGAN2D(POINTS, pack=2)
    sizes = [tuple(p.shape) for p in model.parameters() if p.ndim == 2]
    assert sizes == [
        *((400, 2), (400, 400), (400, 400), (400, 400), (2, 400)),
        *((1000, 4), (1000, 200), (1000, 200), (1, 200)),
    ]
    weights = torch.cat([p.flatten() for p in model.parameters() if p.ndim == 2])
    assert float(weights.detach().std()) == pytest.approx(0.02, rel=0.02)


def test_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r"pacgan-2d takes points \(D,\); digits has image"):
        PacGAN2D(DataSpec("digits", "image", (1, 8, 8), 898))


def test_a_batch_that_holds_no_pack_is_refused() -> None:
    model = PacGAN2D(POINTS, pack=4)
    with pytest.raises(ValueError, match="a batch of 3 points holds no pack of 4"):
        model.train_step(Batch(torch.zeros(3, 2)), Stepper(model.optimizers(), budget=1))
