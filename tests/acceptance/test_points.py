"""Points are their own features, unless another extractor is asked for."""

from __future__ import annotations

from pathlib import Path

import genbench


def test_a_normal_distribution_has_the_moments_of_the_ring_and_not_its_modes(
    tmp_path: Path,
) -> None:
    (run,) = genbench.run(
        "gaussian",
        dataset="ring",
        protocol="smoke",
        metrics=["fid", "mode-coverage"],
        options={"ring": {"size": 2000}},
        results=tmp_path,
        device="cpu",
    )
    assert run.status == "ok", run.reason
    assert {row["extractor"] for row in run.rows if row["score"] == "fid"} == {"identity"}
    assert run.score("fid") < 0.1  # mean and covariance are all that it sees
    assert run.score("high_quality") < 0.1
