"""What is known of scores beforehand is what their metrics say of them."""

from __future__ import annotations

from importlib.metadata import distribution

from genbench_metrics.curve import BETTER


def test_directions_are_those_that_the_metrics_declare() -> None:
    declared = {
        score.name: score.better
        for point in distribution("genbench-metrics").entry_points
        if point.group == "genbench.metrics"
        for score in point.load().scores
        if score.name in BETTER
    }
    assert declared == BETTER
