from __future__ import annotations

from collections.abc import Mapping

import torch
from genbench_toys.distance import Distance

from genbench.contract import Evidence, Measurement, NotApplicable


class DrawnStatistics(Distance):
    """FAULT: it keeps the mean of examples that the run's seed draws, and its name says no seed."""

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        order = torch.randperm(len(evidence.features("real")), generator=evidence.rng("half"))
        half = order[: len(order) // 2]
        kept = evidence.statistics("mean of a half", "real", lambda x: {"mean": x[half].mean(0)})
        gap = kept["mean"] - evidence.features("samples").mean(0)
        return {"distance": float(gap.norm())}
