from __future__ import annotations

import genbench.testing
from genbench_baselines.gaussian import Gaussian
from genbench_baselines.gmm import GMM
from genbench_baselines.kde import KDE
from genbench_baselines.memorizer import Memorizer
from genbench_baselines.pca import PCA

test_gaussian = genbench.testing.contract(Gaussian)
test_gmm = genbench.testing.contract(GMM)
test_gmm_of_points = genbench.testing.contract(GMM, options={"components": 3}, data=(2,))
test_gmm_of_colour = genbench.testing.contract(GMM, options={"components": 2}, data=(3, 7, 5))
test_kde = genbench.testing.contract(KDE)
test_kde_of_points = genbench.testing.contract(KDE, options={"bandwidth": 0.2}, data=(2,))
test_memorizer = genbench.testing.contract(Memorizer)
test_pca = genbench.testing.contract(PCA, data=(1, 12, 12))
test_pca_of_points = genbench.testing.contract(PCA, options={"latent_dim": 1}, data=(2,))
