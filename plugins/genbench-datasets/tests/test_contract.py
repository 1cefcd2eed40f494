from __future__ import annotations

import genbench.testing
from genbench_datasets.digits import Digits
from genbench_datasets.grid import Grid
from genbench_datasets.ring import Ring
from genbench_datasets.stacked_digits import StackedDigits
from genbench_datasets.triangles import Triangles

test_digits = genbench.testing.contract(Digits)
test_grid = genbench.testing.contract(Grid)
test_ring = genbench.testing.contract(Ring)
test_ring_of_few_points = genbench.testing.contract(Ring, options={"size": 100})
test_stacked_digits = genbench.testing.contract(StackedDigits, options={"size": 1000})
test_triangles = genbench.testing.contract(Triangles, options={"size": 1000})
