"""What FID cannot see is seen: training images given back have the best FID, and are flagged."""

from __future__ import annotations

from pathlib import Path

import genbench

METRICS = ["fid", "precision-recall", "density-coverage", "memorization"]
OTHERS = ["pca", "gaussian", "gmm", "kde"]


def test_memorizer_has_the_best_fid_and_is_flagged(tmp_path: Path) -> None:
    memorizer, *others = genbench.run(
        ["memorizer", *OTHERS], protocol="smoke", metrics=METRICS, results=tmp_path, device="cpu"
    )
    assert [run.status for run in (memorizer, *others)] == ["ok"] * 5
    assert all(memorizer.score("fid") < 0.6 * other.score("fid") for other in others)

    assert memorizer.score("copies") == 1
    assert memorizer.score("authenticity") == 0
    assert memorizer.score("data_copying") == 1
    for name, other in zip(OTHERS, others, strict=True):
        assert other.score("copies") < 0.05, name
        assert other.score("authenticity") > 0.5, name
        assert other.score("data_copying") < 0.5, name
