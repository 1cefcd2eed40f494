"""The seconds of training: a score of the hardware."""

from __future__ import annotations

from collections.abc import Mapping

from genbench.contract import Evidence, Measurement, Need, NotApplicable, Score


class Clock:
    """Needs nothing."""

    version = "1"
    needs: tuple[Need, ...] = ()
    scores = (Score("seconds", better="lower", unit="s", hardware=True),)

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        return {"seconds": evidence.history.train_seconds}
