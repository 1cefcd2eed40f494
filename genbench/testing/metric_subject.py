"""A metric under check, and what it gives for made-up evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any, get_args

import torch

from genbench.contract import Measurement, NotApplicable, Score
from genbench.evaluate import checked_metric, measured
from genbench.streams import seed_global
from genbench.testing.evidence import GivenEvidence
from genbench.testing.made_up import Kind, Quality, made_up
from genbench.testing.remembered import Remembered
from genbench.testing.subject import Subject

Measured = dict[str, Measurement | NotApplicable]

KINDS: tuple[Kind, ...] = get_args(Kind)


class MetricSubject(Subject):
    """Adds to a subject the metric, and its measurements."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.changed: dict[str, None] = {}
        """The evidence that it wrote to."""
        self.seen: dict[str, dict[float, str]] = {}
        """Every value of every score that was ever measured, and what it was of."""
        self.remembered = Remembered()
        """Every statistic that it ever kept."""
        self._of: dict[tuple[Quality, Kind, float, int, int], Measured] = {}

    @cached_property
    def metric(self) -> Any:
        """The metric, checked as a run checks it."""
        return checked_metric(self.plugin.name, self.construct())

    def measured(self, evidence: GivenEvidence, seed: int = 0) -> Measured:
        """What it gives for some evidence, checked as a run checks it."""
        evidence = replace(evidence, remembered=self.remembered)
        before = {name: tensor.clone() for name, tensor in evidence.tensors()}
        seed_global(seed, "metrics")
        with self.calling("measure(evidence)"), torch.no_grad():
            found: Measured = measured(self.plugin.name, self.metric, evidence)  # type: ignore[arg-type]
        for name, tensor in evidence.tensors():
            if not torch.equal(tensor.nan_to_num(), before[name].nan_to_num()):
                self.changed[name] = None
                tensor.copy_(before[name])
        self.changed |= dict.fromkeys(self.remembered.written_on())
        for name, value in self.values(found).items():
            self.seen.setdefault(name, {}).setdefault(value, evidence.title)
        return found

    def given(
        self,
        quality: Quality = "good",
        kind: Kind = "image",
        *,
        noise: float = 0.0,
        n: int = 4,
        draw: int = 0,
    ) -> GivenEvidence:
        """Made-up evidence of all that it needs; the arguments are those of `made_up`."""
        return made_up(self.metric.needs, quality, kind, noise=noise, n=n, draw=draw)

    def of(
        self,
        quality: Quality = "good",
        kind: Kind = "image",
        *,
        noise: float = 0.0,
        n: int = 4,
        draw: int = 0,
    ) -> Measured:
        """What it gives for made-up evidence, measured once."""
        key = (quality, kind, noise, n, draw)
        if key not in self._of:
            self._of[key] = self.measured(self.given(quality, kind, noise=noise, n=n, draw=draw))
        return self._of[key]

    @cached_property
    def good(self) -> Measured:
        """What it gives for good evidence."""
        return self.of("good")

    def values(self, measured: Measured) -> dict[str, float]:
        """The scores that have a value."""
        return {n: m.value for n, m in measured.items() if isinstance(m, Measurement)}

    def kinds_of(self, score: Score) -> list[Kind]:
        """The kinds of data that a score has a value for, images first."""
        return [kind for kind in KINDS if score.name in self.values(self.of("good", kind))]

    def judged(self) -> Iterator[tuple[Score, Kind]]:
        """Scores of quality, each with the kind of data that it is judged on.

        Those that have a direction and are not of the hardware, of a metric that sees something
        that the model made. Images, where it measures images: metrics of images need not see much
        in points.
        """
        if not set(self.metric.needs) - {"labels", "curve"}:
            return
        for score in self.metric.scores:
            kinds = self.kinds_of(score)
            if score.better and not score.hardware and kinds:
                yield score, kinds[0]


def shown(measured: Measurement | NotApplicable, digits: int = 6) -> str:
    """A measurement in a sentence."""
    return f"{measured.value:.{digits}g}" if isinstance(measured, Measurement) else "not applicable"
