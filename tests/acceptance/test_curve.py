"""Metrics of the way to the end, measured in a real run."""

from __future__ import annotations

from pathlib import Path

import genbench

METRICS = ("fid", "convergence", "stability")


def test_convergence_and_stability_have_values_and_never_those_of_another_ruler(
    tmp_path: Path,
) -> None:
    found = {}
    for extractor in ("digits-cnn", "pixels"):
        [result] = genbench.run(
            "ae-gan",
            dataset="digits",
            protocol="smoke",
            metrics=METRICS,
            extractor=extractor,
            seeds=[0],
            options={"convergence": {"target": 1e6}},
            results=tmp_path,
            device="cpu",
        )
        assert result.status == "ok", result.reason
        found[extractor] = {
            row["score"]: row
            for row in result.rows
            if row["split"] == "test" and row["weights"] == "average"
        }
    for score in ("images_to_target", "area_under_curve", "divergence"):
        of_cnn, of_pixels = (found[extractor][score] for extractor in ("digits-cnn", "pixels"))
        assert of_cnn["value"] is not None, of_cnn["reason"]
        assert of_cnn["key"] != of_pixels["key"]
    areas = {row["area_under_curve"]["value"] for row in found.values()}
    assert len(areas) == 2
