from __future__ import annotations

import genbench.testing
from genbench_hybrids.aae import AAE
from genbench_hybrids.ae_gan import AEGAN
from genbench_hybrids.began import BEGAN
from genbench_hybrids.bigan import BiGAN
from genbench_hybrids.latent_gan import LatentGAN
from genbench_hybrids.mdgan import MDGAN
from genbench_hybrids.vae_gan import VAEGAN
from genbench_hybrids.warm_start_gan import WarmStartGAN

ODD = (3, 20, 9)
POINTS = (2,)
SMALL = {"width": 8, "latent_dim": 2}

test_ae_gan = genbench.testing.contract(AEGAN)
test_ae_gan_minimax = genbench.testing.contract(
    AEGAN, options={"loss": "minimax", "latent_dim": 2}, data=ODD
)
test_ae_gan_conditional = genbench.testing.contract(
    AEGAN, options={"conditional": True, "width": 32}, data=ODD
)
test_latent_gan = genbench.testing.contract(LatentGAN, options=SMALL, data=ODD)
test_latent_gan_of_points = genbench.testing.contract(LatentGAN, options=SMALL, data=POINTS)
test_mdgan = genbench.testing.contract(MDGAN, options=SMALL, data=ODD)
test_mdgan_in_two_steps = genbench.testing.contract(
    MDGAN, options=SMALL | {"variant": "manifold-diffusion"}, data=POINTS
)
test_began = genbench.testing.contract(BEGAN, options=SMALL, data=ODD)
test_began_of_points = genbench.testing.contract(BEGAN, options=SMALL, data=POINTS)
test_aae = genbench.testing.contract(AAE, options=SMALL, data=ODD)
test_aae_with_labels = genbench.testing.contract(AAE, options=SMALL | {"labels": True}, data=POINTS)
test_vae_gan = genbench.testing.contract(VAEGAN, options=SMALL, data=ODD)
test_vae_gan_of_points = genbench.testing.contract(
    VAEGAN, options=SMALL | {"loss": "minimax"}, data=POINTS
)
test_bigan = genbench.testing.contract(BiGAN, options=SMALL, data=ODD)
test_bigan_of_points = genbench.testing.contract(BiGAN, options=SMALL, data=POINTS)
test_warm_start_gan = genbench.testing.contract(WarmStartGAN, options=SMALL, data=ODD)
test_warm_start_gan_cold = genbench.testing.contract(
    WarmStartGAN, options=SMALL | {"pretraining": 0.0}, data=POINTS
)
