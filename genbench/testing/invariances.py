"""The check of what a metric declares not to depend on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import get_args

import torch

from genbench.contract import Invariance, Measurement, NotApplicable
from genbench.errors import ContractError, nearest
from genbench.testing.evidence import GivenEvidence
from genbench.testing.finding import DoesNotApplyError, Finding
from genbench.testing.made_up import Quality
from genbench.testing.metric_subject import KINDS, MetricSubject, shown
from genbench.testing.suite import Found, check

EXACT = 1e-6
"""Of a score's size: what sums in another order may make of equal evidence, in float64."""

END_TO_END = 1e-3
"""Of a score's size: what other roundings of the evidence itself may make of it."""

SMALL = 1e-3
"""A score's size is taken for no less: what is 0 but for rounding has none."""

ROUNDED: tuple[Invariance, ...] = ("batch-size", "device")

TRIED: tuple[tuple[Quality, float], ...] = (("good", 0.3), ("copied", 0.0))
"""Quality and noise: no score is near 0 for noisy samples, but that of copies is for others."""


@check("determinism", "kinds")
def devices(subject: MetricSubject) -> Found:
    """Evidence of a model on a CUDA device is measured like that of one on the CPU."""
    if not torch.cuda.is_available():
        raise DoesNotApplyError("there is no CUDA device to try it on")
    for kind in KINDS:
        given = subject.given("good", kind)
        if subject.values(subject.of("good", kind)):
            subject.measured(given.on(torch.device("cuda")))
            yield f"measured {given.data.kind} on CUDA"


@check("determinism", "kinds", "devices")
def invariances(subject: MetricSubject) -> Found:
    """A score stays the same under what the metric declares: 1e-6 of its size, rounded 1e-3."""
    declared = getattr(subject.metric, "invariances", ())
    if isinstance(declared, str) or not all(isinstance(name, str) for name in declared):
        raise ContractError(f"invariances is a tuple of names, not {declared!r}.")
    if not declared:
        raise DoesNotApplyError("it declares none")
    if not any(
        subject.values(subject.of(quality, kind, noise=noise))
        for kind in KINDS
        for quality, noise in TRIED
    ):
        raise DoesNotApplyError("no score has a value")
    for name in declared:
        if name not in get_args(Invariance):
            known = nearest(name, get_args(Invariance))
            yield Finding(f"There is no invariance {name!r}. {known}")
        elif name == "device" and not torch.cuda.is_available():
            yield "device not tried: there is no CUDA device"
        else:
            yield from _held(subject, name)
    yield ", ".join(declared)


def _held(subject: MetricSubject, name: Invariance) -> Iterator[Finding]:
    """One finding for each score that moves: on the first evidence on which it does."""
    tolerance = END_TO_END if name in ROUNDED else EXACT
    moved = set()
    for kind in KINDS:
        for quality, noise in TRIED:
            before = subject.of(quality, kind, noise=noise)
            given = _changed(subject.given(quality, kind, noise=noise), name)
            for score, after in subject.measured(given).items():
                gap = _gap(before[score], after)
                if gap > tolerance and score not in moved:
                    moved.add(score)
                    by = f", by {gap:.1g} of its size" if math.isfinite(gap) else ""
                    values = f"{shown(before[score], 9)} to {shown(after, 9)}"
                    yield Finding(
                        f"It declares {name}, and under it {score} went from {values}{by}.",
                        f"Take {name!r} out of invariances, or out of the way that it measures: "
                        "sums in float64 hardly depend on their order, and whether a score applies "
                        "not at all.",
                    )


def _gap(a: Measurement | NotApplicable, b: Measurement | NotApplicable) -> float:
    """How far one is from the other, of its size; infinitely if only one of them has a value."""
    if isinstance(a, Measurement) and isinstance(b, Measurement):
        return abs(b.value - a.value) / max(abs(a.value), SMALL)
    return 0.0 if isinstance(a, NotApplicable) and isinstance(b, NotApplicable) else math.inf


def _changed(given: GivenEvidence, name: Invariance) -> GivenEvidence:
    if name == "sample-order":
        return given.reordered("samples")
    if name == "real-order":
        return given.reordered("real")
    if name == "feature-rotation":
        return given.rotated()
    return given.rounded() if name == "batch-size" else given.on(torch.device("cuda"))
