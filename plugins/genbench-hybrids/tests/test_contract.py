from __future__ import annotations

import genbench.testing
from genbench_hybrids.ae_gan import AEGAN

test_ae_gan = genbench.testing.contract(AEGAN)
test_ae_gan_minimax = genbench.testing.contract(
    AEGAN, options={"loss": "minimax", "latent_dim": 2}, data=(3, 20, 9)
)
