"""Checks for metrics: what they declare, ask for, give and leave as it was."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, get_args

from genbench.contract import Defect, Known, Measurement, NotApplicable, Score
from genbench.errors import ContractError, nearest
from genbench.testing.finding import DoesNotApplyError, Finding
from genbench.testing.invariances import devices, invariances
from genbench.testing.known_answers import (
    MANY,
    blindness,
    direction,
    known,
    noise,
    range_,
    swap,
)
from genbench.testing.made_up import Quality
from genbench.testing.metric_subject import KINDS, MetricSubject, shown
from genbench.testing.parts import UndeclaredError
from genbench.testing.refusals import refusals
from genbench.testing.subject import PluginRaisedError, disturbances
from genbench.testing.suite import Found, check

SUBJECT = MetricSubject

OTHER_MODELS: tuple[Quality, ...] = ("uneven", "copied")
"""On the same data: one with fewer samples, one with other ones."""


@check()
def options(subject: MetricSubject) -> Found:
    """Options stand after a '*', have types that text is read as and defaults that a row holds."""
    yield from subject.listed_options()


@check("options")
def declaration(subject: MetricSubject) -> Found:
    """It says its version, a text, what it needs, and its scores with what is known of them."""
    metric = subject.metric
    for score in metric.scores:
        yield from _declared(score, {other.name: other for other in metric.scores})
        if "normals" in score.known and "features" not in metric.needs:
            yield Finding(
                f"Score({score.name!r}) says what it is for features of two normals, and the "
                "metric needs no features.",
                "needs=(…, 'features'); or take 'normals' out of its known.",
            )
    yield f"version {metric.version}, needs {', '.join(metric.needs) or 'nothing'}"


def _declared(score: Score, scores: dict[str, Score]) -> Iterator[Finding]:
    said = f"Score({score.name!r}) says"
    low, high = _bounds(score)
    if low is not None and high is not None and low >= high:
        yield Finding(f"{said} range={score.range!r}.", "The least value stands first.")
    for case, value in score.known.items():
        if case not in get_args(Known):
            yield Finding(f"{said} known={{{case!r}: …}}.", nearest(case, get_args(Known)))
        elif (low is not None and value < low) or (high is not None and value > high):
            yield Finding(f"{said} known {case} to be {value:g}, which is not in its range.")
    for defect in score.blind:
        if defect not in get_args(Defect):
            yield Finding(f"{said} blind={score.blind!r}.", nearest(defect, get_args(Defect)))
    if score.swapped is not None:
        if score.swapped not in scores:
            yield Finding(f"{said} swapped={score.swapped!r}.", nearest(score.swapped, scores))
        elif scores[score.swapped].swapped != score.name:
            yield Finding(
                f"{said} swapped={score.swapped!r}, but Score({score.swapped!r}) says "
                f"swapped={scores[score.swapped].swapped!r}.",
                "What changes places twice is where it was: each names the other.",
            )


def _bounds(score: Score) -> tuple[float | None, float | None]:
    bounds: Any = score.range
    numbers = isinstance(bounds, tuple) and all(
        b is None or isinstance(b, int | float) for b in bounds
    )
    if not numbers or len(bounds) != 2:
        raise ContractError(
            f"Score({score.name!r}) has range {bounds!r}: it is (least, largest), None where "
            "there is no bound."
        )
    low, high = bounds
    return low, high


@check("declaration")
def documentation(subject: MetricSubject) -> Found:
    """Its docstring, or that of its file, says what it measures; several scores by name."""
    texts = [inspect.getdoc(subject.factory), inspect.getdoc(inspect.getmodule(subject.factory))]
    text = _plain(" ".join(filter(None, texts)))
    names = [score.name for score in subject.metric.scores]
    missing = [name for name in names if _plain(name) not in text] if len(names) > 1 else []
    if missing or not text:
        yield Finding(
            f"It does not name {', '.join(missing)}." if missing else "It has none.",
            "Say in the class's docstring what the number means: its definition and source, what "
            "is good, its unit and what it is blind to. genbench show prints it.",
        )


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())


@check("declaration")
def needs(subject: MetricSubject) -> Found:
    """It asks for the evidence that its needs name, and for no other."""
    try:
        assert subject.good
    except PluginRaisedError as raised:
        if isinstance(raised.error, UndeclaredError):
            yield Finding(
                str(raised.error),
                "Name it in needs; or look first whether it is there, with "
                "genbench.contract.has(evidence.model, …).",
            )


@check("needs")
def scores(subject: MetricSubject) -> Found:
    """measure() gives a finite number, or NotApplicable with a reason, for each of its scores."""
    given = [
        f"{name} not applicable: {measured.reason}"
        if isinstance(measured, NotApplicable)
        else f"{name} {measured.value:.4g}"
        for name, measured in subject.good.items()
    ]
    yield ", ".join(given)


@check("scores")
def kinds(subject: MetricSubject) -> Found:
    """Images and points are measured, or are NotApplicable; not everything is."""
    points = subject.of("good", "points")
    for name, value in points.items():
        if isinstance(value, NotApplicable):
            yield f"points: no {name}, {value.reason}"
    if subject.values(subject.good) or subject.values(points):
        return
    if "curve" in subject.metric.needs:
        yield "no score had a value: of a made-up training it is told of a score 'distance'"
        return
    others = ((quality, kind) for quality in get_args(Quality) for kind in KINDS)
    if any(subject.values(subject.of(*other)) for other in others) or any(
        subject.values(subject.of("good", kind, n=MANY)) for kind in KINDS
    ):
        yield "no score of good samples had a value: few checks have anything to compare"
        return
    reason = next(v.reason for v in subject.good.values() if isinstance(v, NotApplicable))
    yield Finding(
        f"No score had a value for any samples, however many: {reason}.",
        "Check it with the options that it needs: genbench check NAME --set NAME.OPTION=VALUE.",
    )


@check("scores")
def determinism(subject: MetricSubject) -> Found:
    """The same evidence gives the same scores to the last bit; chance is evidence.rng(NAME)."""
    again = subject.measured(subject.given(), seed=1)
    for name, value in subject.good.items():
        if again[name] != value:
            values = f"{shown(value)} and then {shown(again[name])}"
            yield Finding(
                f"{name} of the same evidence was {values}.",
                "Draw from evidence.rng(NAME), which begins anew for every model.",
            )


@check("scores")
def evidence(subject: MetricSubject) -> Found:
    """The evidence, which all metrics share, stays as it is."""
    assert subject.good
    for name in subject.changed:
        yield Finding(
            f"measure() changed evidence.{name} in place.",
            "Work on a copy: operations in place end in _.",
        )


@check("determinism", "kinds")
def statistics(subject: MetricSubject) -> Found:
    """What it keeps with evidence.statistics depends on split, name and its options alone."""
    if not {"features", "logits"} & {*subject.metric.needs}:
        raise DoesNotApplyError("it needs no features")
    for kind in KINDS:
        if subject.values(subject.of("good", kind)):
            for quality in OTHER_MODELS:
                subject.of(quality, kind)
            subject.measured(subject.given("good", kind).of_another_run())
    if not subject.remembered.kept:
        raise DoesNotApplyError("it keeps none")
    for sentence in subject.remembered.others.values():
        yield Finding(
            sentence,
            "The first one would be read for all models. Put what decides it into its name, such "
            "as the number of samples; or measure it anew for each.",
        )
    yield ", ".join(dict.fromkeys(name for _, _, name in subject.remembered.kept))


@check("determinism")
def hardware(subject: MetricSubject) -> Found:
    """A score that depends on seconds or memory says hardware=True."""
    slower = subject.measured(subject.given().slower())
    for score in subject.metric.scores:
        good, then = subject.good[score.name], slower[score.name]
        both = isinstance(good, Measurement) and isinstance(then, Measurement)
        if both and then != good and not score.hardware:
            yield Finding(
                f"On a slower machine {score.name} went from {shown(good)} to {shown(then)}.",
                "Score(…, hardware=True): it is then compared on one kind of machine only.",
            )


@check("options", knowing=("scores",))
def surroundings_(subject: MetricSubject) -> Found:
    """measure() leaves the process as it was: default dtype, threads, flags, warnings, folder."""
    if not subject.failed & {"declaration", "needs", "scores"}:
        # Once more: what it imported the first time may have changed what is its own affair.
        subject.measured(subject.given())
    yield from disturbances(subject)


CHECKS = (
    options,
    declaration,
    documentation,
    needs,
    scores,
    kinds,
    determinism,
    evidence,
    statistics,
    direction,
    known,
    swap,
    noise,
    blindness,
    devices,
    invariances,
    hardware,
    refusals,
    range_,
    surroundings_,
)
