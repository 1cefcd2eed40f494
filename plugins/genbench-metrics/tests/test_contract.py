from __future__ import annotations

import genbench.testing
from genbench_metrics.cost import Cost
from genbench_metrics.digits_cnn import DigitsCNN
from genbench_metrics.fid import FID
from genbench_metrics.kid import KID
from genbench_metrics.mode_coverage import ModeCoverage
from genbench_metrics.reconstruction import Reconstruction

test_cost = genbench.testing.contract(Cost)
test_digits_cnn = genbench.testing.contract(DigitsCNN)
test_fid = genbench.testing.contract(FID)
test_kid = genbench.testing.contract(KID)
test_kid_of_subsets = genbench.testing.contract(KID, options={"subset_size": 50})
test_mode_coverage = genbench.testing.contract(ModeCoverage)
test_reconstruction = genbench.testing.contract(Reconstruction)
