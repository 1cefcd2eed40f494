"""The check of what a metric must not turn into a number."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from genbench.errors import GenbenchError
from genbench.testing.evidence import GivenEvidence
from genbench.testing.finding import DoesNotApplyError, Finding
from genbench.testing.metric_subject import KINDS, MetricSubject
from genbench.testing.parts import OF_REAL, OF_SAMPLES, Part
from genbench.testing.subject import PluginRaisedError
from genbench.testing.suite import Found, check


@check("determinism", "kinds", "evidence")
def refusals(subject: MetricSubject) -> Found:
    """NaN and no samples at all are refused, never a number; one is measured or refused."""
    # What comes of a model or an extractor is checked before a metric sees it (genbench.evidence).
    # One that turns a NaN into a number would hide what goes wrong in its own arithmetic as well.
    if not subject.metric.needs:
        raise DoesNotApplyError("it needs nothing that could be wrong")
    refusals = Refusals(subject)
    for kind in KINDS:
        given = subject.given("good", kind)
        if not subject.values(subject.of("good", kind)):
            continue
        for part in given.offered():
            if given.given[part].is_floating_point():
                refusals.of_nan(with_nan(given, part))
        if "sample" in subject.metric.needs:
            refusals.of_none(first(given, OF_SAMPLES, 0, "no samples"))
            refusals.of_one(first(given, OF_SAMPLES, 1, "a single sample"))
        refusals.of_one(first(given, OF_REAL, 1, "a single real example"))
    yield from refusals.findings()
    yield ", ".join(refusals.tried)


def with_nan(given: GivenEvidence, part: Part) -> GivenEvidence:
    """The same with a NaN in every fourth row of a part."""

    def spoil(_: Part, x: Tensor) -> Tensor:
        spoiled = x.clone()
        spoiled[::4, 0] = torch.nan
        return spoiled

    return given.changed(spoil, f"NaN in {part}", (part,))


def first(given: GivenEvidence, parts: tuple[Part, ...], n: int, title: str) -> GivenEvidence:
    """The same with the first ``n`` examples alone."""
    return given.taken(parts, torch.arange(n), title)


class Refusals:
    """What a metric did with evidence of which it can make no number, each thing said once."""

    def __init__(self, subject: MetricSubject) -> None:
        self.subject = subject
        self.tried: dict[str, None] = {}
        self._numbers: dict[str, dict[str, float]] = {}
        """By score: a value for each thing that was wrong."""
        self._errors: dict[str, str] = {}
        """By what was wrong: an error that nobody can read."""

    def of_nan(self, bad: GivenEvidence) -> None:
        """Any error will do: no run hands these on."""
        self._measure(bad)

    def of_none(self, bad: GivenEvidence) -> None:
        """A clear error is asked for."""
        raised = self._measure(bad)
        if raised:
            self._read(raised, bad)

    def of_one(self, few: GivenEvidence) -> None:
        """A number, or a clear error."""
        self.tried[few.title] = None
        try:
            self._measured(few)
        except PluginRaisedError as raised:
            self._read(raised, few)

    def _measure(self, bad: GivenEvidence) -> PluginRaisedError | None:
        self.tried[bad.title] = None
        try:
            values = self._measured(bad)
        except PluginRaisedError as raised:
            return raised
        good = self.subject.values(self.subject.of("good", bad.data.kind))
        for score in self.subject.metric.scores:
            value = values.get(score.name)
            # What does not depend on it, or on the machine alone, may stay as it is.
            if value is not None and value != good.get(score.name) and not score.hardware:
                self._numbers.setdefault(score.name, {}).setdefault(bad.title, value)
        return None

    def _measured(self, bad: GivenEvidence) -> dict[str, float]:
        with warnings.catch_warnings():
            # A warning is no refusal: whether it is an error is for whoever runs the check to say.
            warnings.simplefilter("ignore")
            return self.subject.values(self.subject.measured(bad))

    def _read(self, raised: PluginRaisedError, bad: GivenEvidence) -> None:
        if not isinstance(raised.error, GenbenchError | ValueError):
            self._errors.setdefault(bad.title, raised.finding.happened)

    def findings(self) -> Iterator[Finding]:
        """A sentence for each score and for each error."""
        for score, values in self._numbers.items():
            yield Finding(
                f"With {' or '.join(values)} {score} was a number like any other, "
                f"{' or '.join(f'{value:.4g}' for value in values.values())}.",
                "Raise genbench.errors.GenbenchError that says what was wrong and of what "
                "(NotApplicableError where there is too little): comparisons, counts and minima do "
                "not hand a NaN on.",
            )
        for title, happened in self._errors.items():
            yield Finding(
                f"With {title} {happened}",
                "Raise genbench.errors.NotApplicableError that says how many it takes.",
            )
