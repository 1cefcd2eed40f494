from __future__ import annotations

import genbench.testing
from genbench_datasets.digits import Digits

test_digits = genbench.testing.contract(Digits)
