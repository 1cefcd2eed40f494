from __future__ import annotations

import genbench.testing
from genbench_baselines.gaussian import Gaussian
from genbench_baselines.memorizer import Memorizer
from genbench_baselines.pca import PCA

test_gaussian = genbench.testing.contract(Gaussian)
test_memorizer = genbench.testing.contract(Memorizer)
test_pca = genbench.testing.contract(PCA, data=(1, 12, 12))
test_pca_of_points = genbench.testing.contract(PCA, options={"latent_dim": 1}, data=(2,))
