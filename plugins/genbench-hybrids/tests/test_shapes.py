"""What all models on DCGAN's stacks have in common."""

from __future__ import annotations

import pytest
import torch

from genbench.contract import has
from genbench_hybrids.aae import AAE
from genbench_hybrids.began import BEGAN
from genbench_hybrids.bigan import BiGAN
from genbench_hybrids.latent_gan import LatentGAN
from genbench_hybrids.mdgan import MDGAN
from genbench_hybrids.vae_gan import VAEGAN
from genbench_hybrids.warm_start_gan import WarmStartGAN

MODELS = [AAE, BEGAN, BiGAN, LatentGAN, MDGAN, VAEGAN, WarmStartGAN]


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 64, 64), (3, 31, 17), (5,)], ids=str)
@pytest.mark.parametrize("model", MODELS)
def test_every_shape_is_sampled_encoded_and_reconstructed(model, shape, spec):
    made = model(spec(*shape), latent_dim=3, width=8).eval()
    x = torch.rand(4, *shape) * 2 - 1
    with torch.no_grad():
        assert made.sample(5, torch.Generator().manual_seed(0)).shape == (5, *shape)
        if has(made, "encode"):
            assert made.encode(x).shape == (4, 3)
            assert made.reconstruct(x).shape == x.shape


@pytest.mark.parametrize("shape", [(1, 65, 8), (1, 7, 8), (8, 8)], ids=str)
@pytest.mark.parametrize("model", MODELS)
def test_other_shapes_are_refused_by_the_models_name(model, shape, spec):
    name = {BiGAN: "bigan", BEGAN: "began", AAE: "aae", VAEGAN: "vae-gan", MDGAN: "mdgan"}
    with pytest.raises(ValueError, match=f"{name.get(model, '-gan')} takes images .* tiny has"):
        model(spec(*shape))


@pytest.mark.parametrize("model", MODELS)
def test_only_the_warm_started_gan_samples_and_does_no_more(model, spec):
    made = model(spec(1, 8, 8), width=8)
    samples_alone = model is WarmStartGAN
    assert has(made, "sample")
    assert has(made, "encode") is has(made, "reconstruct") is not samples_alone
    assert not has(made, "log_likelihood")
