"""What is known of scores beforehand is what their metrics say of them."""

from __future__ import annotations

from importlib.metadata import distribution

from genbench_metrics.curve import BETTER

OF_NO_QUALITY = {"flops_per_sample"}
"""Scores with a direction that no one trains towards."""


def test_directions_are_those_that_the_metrics_declare_and_none_is_missing() -> None:
    declared = {
        score.name: score.better
        for point in distribution("genbench-metrics").entry_points
        # what is made of a curve is no curve
        if point.group == "genbench.metrics" and {*point.load().needs} - {"curve"}
        for score in point.load().scores
        if score.better and not score.hardware and score.name not in OF_NO_QUALITY
    }
    assert declared == BETTER
