"""The core's own metric: whether sampled images keep to the range that images have."""

from __future__ import annotations

from collections.abc import Mapping

from genbench import __version__
from genbench.contract import Evidence, Measurement, Metric, Need, NotApplicable, Score
from genbench.leaderboard.schema import SAMPLE_RANGE
from genbench.plan import PluginSpec


class SampleRange:
    """What every sampler is held to, whatever the metrics: values inside [-1, 1].

    ``clipped_fraction`` is the share of sampled values of images that were outside, and so were
    clipped: lower is better, from 0 to 1. Clipping is part of how images are stored, so a model
    that relies on it is told so by a score. Blind to all else: noise, collapse and copies.
    """

    version = "1"
    needs: tuple[Need, ...] = ("sample",)
    invariances = ("sample-order", "real-order", "batch-size", "device")
    scores = (
        Score(
            "clipped_fraction",
            better="lower",
            range=(0.0, 1.0),
            blind=("noise", "collapse", "copies"),
        ),
    )

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        """The share of sampled values that were outside."""
        if evidence.data.kind != "image":
            return {"clipped_fraction": NotApplicable("points have no range")}
        return {"clipped_fraction": evidence.clipped_fraction}


ALWAYS: tuple[PluginSpec, Metric] = (
    PluginSpec(
        kind="metric",
        name=SAMPLE_RANGE,
        target="genbench.sample_range:SampleRange",
        distribution="genbench",
        version=__version__,
        code="",
        options={},
    ),
    SampleRange(),
)
"""Beside the metrics that a run is asked for."""
