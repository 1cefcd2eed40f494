from __future__ import annotations

import genbench.testing
from genbench_metrics.bce import BCE
from genbench_metrics.class_coverage import ClassCoverage
from genbench_metrics.compression import Compression
from genbench_metrics.convergence import Convergence
from genbench_metrics.cost import Cost
from genbench_metrics.density_coverage import DensityCoverage
from genbench_metrics.digits_cnn import DigitsCNN
from genbench_metrics.fid import FID
from genbench_metrics.fid_gap import FIDGap
from genbench_metrics.identity import Identity
from genbench_metrics.isc import InceptionScore
from genbench_metrics.kid import KID
from genbench_metrics.knn import KNN
from genbench_metrics.likelihood import Likelihood
from genbench_metrics.likelihood_bound import LikelihoodBound
from genbench_metrics.linear_probe import LinearProbe
from genbench_metrics.manifold import KnownManifold
from genbench_metrics.memorization import Memorization
from genbench_metrics.mode_coverage import ModeCoverage
from genbench_metrics.precision_recall import PrecisionRecall
from genbench_metrics.random_conv import RandomConv
from genbench_metrics.raw_pixels import Pixels
from genbench_metrics.reconstruction import Reconstruction
from genbench_metrics.reconstruction_gap import ReconstructionGap
from genbench_metrics.sampling_cost import SamplingCost
from genbench_metrics.ssim import SSIM
from genbench_metrics.stability import Stability
from genbench_metrics.stacked_digits_cnn import StackedDigitsCNN

test_cost = genbench.testing.contract(Cost)
test_digits_cnn = genbench.testing.contract(DigitsCNN)
test_density_coverage = genbench.testing.contract(DensityCoverage)
test_fid = genbench.testing.contract(FID)
test_fid_gap = genbench.testing.contract(FIDGap)
test_identity = genbench.testing.contract(Identity)
test_isc = genbench.testing.contract(InceptionScore)
test_memorization = genbench.testing.contract(Memorization)
test_pixels = genbench.testing.contract(Pixels)
test_precision_recall = genbench.testing.contract(PrecisionRecall)
test_random_conv = genbench.testing.contract(RandomConv)
test_kid = genbench.testing.contract(KID)
test_kid_of_subsets = genbench.testing.contract(KID, options={"subset_size": 50})
test_mode_coverage = genbench.testing.contract(ModeCoverage)
test_class_coverage = genbench.testing.contract(ClassCoverage)
test_manifold = genbench.testing.contract(KnownManifold)
test_stacked_digits_cnn = genbench.testing.contract(StackedDigitsCNN)
test_reconstruction = genbench.testing.contract(Reconstruction)
test_reconstruction_gap = genbench.testing.contract(ReconstructionGap)
test_ssim = genbench.testing.contract(SSIM)
test_bce = genbench.testing.contract(BCE)
test_compression = genbench.testing.contract(Compression)
test_linear_probe = genbench.testing.contract(LinearProbe)
test_linear_probe_of_few = genbench.testing.contract(LinearProbe, options={"examples": 100})
test_knn = genbench.testing.contract(KNN)
test_likelihood = genbench.testing.contract(Likelihood)
test_likelihood_bound = genbench.testing.contract(LikelihoodBound, options={"draws": 3, "k": 2})
test_convergence = genbench.testing.contract(
    Convergence, options={"score": "distance", "target": 0.4, "better": "lower"}
)
test_stability = genbench.testing.contract(
    Stability, options={"score": "distance", "better": "lower"}
)
test_sampling_cost = genbench.testing.contract(SamplingCost)
