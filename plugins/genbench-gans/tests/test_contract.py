from __future__ import annotations

import genbench.testing
from genbench_gans.dcgan import DCGAN
from genbench_gans.gan import GAN
from genbench_gans.improved_gan import ImprovedGAN
from genbench_gans.pacgan import PacGAN
from genbench_gans.sngan import SNGAN
from genbench_gans.wgan import WGAN
from genbench_gans.wgan_gp import WGANGP

SMALL = {"latent_dim": 4, "width": 32}
ODD = (3, 20, 9)
POINTS = (3,)

# Without data= a model is checked on grey and colour images up to 64x64 and on points.
test_gan = genbench.testing.contract(GAN, options={**SMALL, "loss": "least-squares"})
test_dcgan = genbench.testing.contract(DCGAN, options=SMALL)
test_dcgan_conditional = genbench.testing.contract(
    DCGAN, options={**SMALL, "conditional": True}, data=ODD
)
test_wgan = genbench.testing.contract(WGAN, options={**SMALL, "n_critic": 5}, data=ODD)
test_wgan_gp = genbench.testing.contract(WGANGP, options=SMALL, data=ODD)
test_sngan = genbench.testing.contract(SNGAN, options=SMALL)
test_sngan_conditional = genbench.testing.contract(
    SNGAN, options={**SMALL, "conditional": True}, data=POINTS
)
test_improved_gan = genbench.testing.contract(ImprovedGAN, options=SMALL, data=ODD)
test_pacgan = genbench.testing.contract(PacGAN, options={**SMALL, "pack": 3}, data=POINTS)
