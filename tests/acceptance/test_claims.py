"""The tables of claims in results/README.md are what the committed rows say."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy import stats

CLAIMS = Path(__file__).parents[2] / "results" / "claims"


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tables", CLAIMS / "tables.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["tables"] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def test_the_tables_in_the_readme_are_what_the_rows_say() -> None:
    done = subprocess.run(
        [sys.executable, CLAIMS / "tables.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_every_hybrid_and_parent_was_run_with_five_seeds(tables: ModuleType) -> None:
    digits = tables.Results.read("digits")
    for model in (*tables.PARENTS, *tables.ALL_PARENTS, "sngan", "kde", "memorizer"):
        assert digits.runs(model) == set(range(5)), model
        assert len(digits.final(model, "fid")) + len(digits.diverged(model)) == 5, model


def test_a_target_is_reached_where_the_curve_crosses_it(tables: ModuleType) -> None:
    curve = [(0, 9.0), (100, 5.0), (200, 1.0), (300, 4.0)]
    assert tables.reached(curve, 3.0) == 150
    assert tables.reached(curve, 10.0) == 0
    assert tables.reached(curve, 0.5) > tables.BUDGET, "never"


def test_verdicts_are_corrected_for_all_tests_of_a_table(tables: ModuleType) -> None:
    low, high = [1.0, 1.1, 0.9, 1.0, 1.05], [2.0, 2.2, 1.9, 2.1, 2.0]
    near = [1.05, 1.3, 1.1, 1.2, 1.15]  # p = 0.03 by itself
    words = ("better", "worse")
    (alone,) = tables.verdicts([tables.means(low, near, words)])
    assert alone.startswith("better")
    told = tables.verdicts([tables.means(low, near, words), None, tables.means(low, high, words),
                            tables.means(high, low, words),
                            tables.means(low, low, words)])  # fmt: skip
    assert [verdict.split()[0] for verdict in told] == [
        "undecided", "-", "better", "worse", "undecided",
    ]  # fmt: skip


def test_spreads_and_gaps_are_tested_as_scipy_does(tables: ModuleType) -> None:
    wide, narrow = [1.0, 5.0, 3.0, 8.0, 2.0], [2.0, 2.1, 1.9, 2.05, 2.2]
    found = tables.variances(narrow, wide, ("steadier", "less steady"))
    ratio = np.var(narrow, ddof=1) / np.var(wide, ddof=1)
    assert found.lower
    assert found.p_value == pytest.approx(2 * stats.f.cdf(ratio, 4, 4))
    assert tables.variances(wide, narrow, ("", "")).p_value == pytest.approx(found.p_value)
    gap = tables.above_zero(wide, ("no", "yes"))
    assert gap.p_value == pytest.approx(stats.ttest_1samp(wide, 0).pvalue)
    assert tables.verdicts([gap]) == ["yes (+3.8)"]
