from __future__ import annotations

import genbench.testing
from genbench_datasets.digits import Digits
from genbench_datasets.grid import Grid
from genbench_datasets.ring import Ring

test_digits = genbench.testing.contract(Digits)
test_grid = genbench.testing.contract(Grid)
test_ring = genbench.testing.contract(Ring)
test_ring_of_few_points = genbench.testing.contract(Ring, options={"size": 100})
