"""Checks of values that are known beforehand: exactly, or that they are worse than others."""

from __future__ import annotations

import itertools
import math
from typing import get_args

from genbench.contract import Defect, Known, Measurement, Score
from genbench.testing.finding import DoesNotApplyError, Finding
from genbench.testing.made_up import Kind, Quality
from genbench.testing.metric_subject import KINDS, Measured, MetricSubject
from genbench.testing.normals import of_two_normals
from genbench.testing.parts import OF_SAMPLES
from genbench.testing.ranges import shown_range
from genbench.testing.suite import Found, check

NOTICEABLE = 0.1
"""Of the largest move of a score: smaller ones are chance, and say nothing of its direction."""

EXACT = 1e-6
"""Of a score's size, and at least of 1: how exactly a value is known."""

NEAR = 0.05
"""How near to what is known a score is of samples that have collapsed: a limit of many examples."""

MANY = 32
"""Times as many examples as usual, for that limit: 1,024 real ones."""

LEVELS = (0.0, 0.1, 0.3, 1.0, 3.0)
"""Standard deviations of noise, in the unit that a model sees: from none to nothing but noise."""

DRAWS = 4
"""Sets of good samples, whose spread is chance."""

DEFECTS: dict[Defect, Quality] = {"collapse": "collapsed", "copies": "copied"}


@check("determinism", "kinds")
def direction(subject: MetricSubject) -> Found:
    """A score moves the way that ``better`` says between what is good and what is bad."""
    tried = [
        (score, *_moves(subject, score, kind, ("noise", "collapsed", "copied")))
        for score, kind in subject.judged()
    ]
    if not tried:
        raise DoesNotApplyError("no score of quality: with a direction, and not of the hardware")
    for score, good, moves in tried:
        if not moves:
            yield f"{score.name} has no value for what is bad"
            continue
        if not any(moves.values()):
            yield from _unmoved(subject, score, good)
            continue
        largest = max(map(abs, moves.values()))
        seen = {q: move for q, move in moves.items() if abs(move) > NOTICEABLE * largest}
        worse = [q for q, move in seen.items() if _worse(score, move)]
        if not worse:
            yield Finding(_backwards(score, good, seen), f"better={_other(score)!r}, or turn it.")
        else:
            yield f"{score.name} is worse for what is {' and '.join(worse)}"


def _unmoved(subject: MetricSubject, score: Score, good: float) -> Found:
    defects = get_args(Defect) if "sample" in subject.metric.needs else ("noise",)
    if {*defects} <= {*score.blind}:
        yield f"{score.name} moved with nothing that was tried, as it says"
        return
    yield Finding(
        f"{score.name} is better {score.better}, and was {good:.4g} for what is good and for all "
        "that is bad.",
        "Look whether measure() uses what the model made. What no defect of a model can move says "
        f"so: Score({score.name!r}, …, blind={defects!r}).",
    )


def _moves(
    subject: MetricSubject, score: Score, kind: Kind, qualities: tuple[Quality, ...]
) -> tuple[float, dict[str, float]]:
    """The value for what is good, and how far that for each other quality is from it."""
    good = subject.values(subject.of("good", kind))[score.name]
    moves = {}
    for quality in qualities:
        values = subject.values(subject.of(quality, kind))
        if score.name in values:
            moves[str(quality)] = values[score.name] - good
    return good, moves


def _worse(score: Score, move: float) -> bool:
    return move > 0 if score.better == "lower" else move < 0


def _backwards(score: Score, good: float, moves: dict[str, float]) -> str:
    listed = " and ".join(f"{good + move:.4g} for what is {q}" for q, move in moves.items())
    return f"{score.name} is better {score.better}, but is {good:.4g} for what is good, {listed}."


def _other(score: Score) -> str:
    return "higher" if score.better == "lower" else "lower"


@check("determinism", "kinds")
def known(subject: MetricSubject) -> Found:
    """Samples of which a score declares what it is give that value: identical, copied, normal…"""
    declared = [(s, case, value) for s in subject.metric.scores for case, value in s.known.items()]
    if not declared:
        raise DoesNotApplyError("no score declares any")
    for score, case, value in declared:
        many, tolerance = (MANY, NEAR) if case == "collapsed" else (4, EXACT * max(1, abs(value)))
        found = {
            kind: subject.values(_measured(subject, case, kind, many)).get(score.name)
            for kind in KINDS
        }
        wrong = {k: v for k, v in found.items() if v is not None and abs(v - value) > tolerance}
        of = f"what is {case}"
        mend = "an unbiased estimate, say, is not what it estimates."
        if case == "normals":
            of, mend = "features of two normals", "it may be of other covariances, as those with N."
        for kind, other in wrong.items():
            what = "images" if kind == "image" else "points"
            yield Finding(
                f"{score.name} is declared to be {value:g} for {of}, and was "
                f"{other:.9g} of {what}.",
                f"Give that value, or take {case!r} out of its known: {mend}",
            )
            break
        if all(v is None for v in found.values()):
            yield Finding(
                f"{score.name} is declared to be {value:g} for {of}, where it was not applicable.",
                f"Give the value, or take {case!r} out of its known.",
            )
    yield ", ".join(f"{score.name} of {case} {value:g}" for score, case, value in declared)


def _measured(subject: MetricSubject, case: Known, kind: Kind, n: int) -> Measured:
    if case == "normals":
        return subject.measured(of_two_normals(subject.given("good", kind, n=n)))
    return subject.of(case, kind, n=n)


@check("determinism", "kinds")
def swap(subject: MetricSubject) -> Found:
    """A score becomes the one that ``swapped`` names when samples and real data change places."""
    declared = [score for score in subject.metric.scores if score.swapped]
    if not declared:
        raise DoesNotApplyError("no score declares what it becomes")
    compared = set()
    for kind in KINDS:
        given = subject.given("uneven", kind)
        there, back = (subject.values(subject.measured(g)) for g in (given, given.swapped()))
        for score in declared:
            expected, value = there.get(str(score.swapped)), back.get(score.name)
            if expected is None or value is None:
                continue
            compared.add(score.name)
            if abs(value - expected) > EXACT * max(abs(expected), EXACT):
                yield Finding(
                    f"{score.swapped} is {expected:.9g}, and with samples and real data in each "
                    f"other's place {score.name} is {value:.9g}.",
                    "swapped=None promises nothing; or mind which argument is which.",
                )
                return
    if not compared:
        raise DoesNotApplyError("no score that declares it has a value")
    yield ", ".join(f"{s.name} to {s.swapped}" for s in declared if s.name in compared)


@check("direction")
def noise(subject: MetricSubject) -> Found:
    """The more noise there is upon samples, the worse is a score that is not blind to it."""
    judged = [(s, kind) for s, kind in subject.judged() if "noise" not in s.blind]
    if not judged:
        raise DoesNotApplyError("no score of quality that is not blind to noise")
    for score, kind in judged:
        found = [(level, subject.of("good", kind, noise=level)[score.name]) for level in LEVELS]
        seen = [(level, m) for level, m in found if isinstance(m, Measurement)]
        if any(_is_better(score, b, a) for a, b in itertools.pairwise(seen)):
            yield Finding(
                f"{score.name} is better {score.better}, and was "
                + ", ".join(f"{m.value:.4g} at a noise of {level:g}" for level, m in seen)
                + ".",
                f"If it has to be so: Score({score.name!r}, …, blind=(…, 'noise')).",
            )
        elif len(seen) < 2 or not _is_better(score, seen[0], seen[-1]):
            values = f"{seen[0][1].value:.4g} and {seen[-1][1].value:.4g}" if seen else "nothing"
            yield Finding(
                f"{score.name} was no worse for noise: {values} without and with it.",
                f"Say so, with Score({score.name!r}, …, blind=(…, 'noise')).",
            )
    yield ", ".join(score.name for score, _ in judged)


def _is_better(
    score: Score, one: tuple[float, Measurement], other: tuple[float, Measurement]
) -> bool:
    """Whether one is better than the other, by more than rounding and what it says of its error."""
    a, b = one[1], other[1]
    gap = b.value - a.value if score.better == "lower" else a.value - b.value
    error = math.hypot(a.error or 0.0, b.error or 0.0)
    return gap > max(error, EXACT * max(abs(a.value), abs(b.value)))


@check("direction")
def blindness(subject: MetricSubject) -> Found:
    """A score is worse for samples that have collapsed, and for copies, or says it is blind."""
    judged = list(subject.judged()) if "sample" in subject.metric.needs else []
    if not judged:
        raise DoesNotApplyError("no score of the quality of samples")
    for score, kind in judged:
        yield from _overlooked(subject, score, kind)
        if score.blind:
            yield f"{score.name} is blind to {' and '.join(score.blind)}"


def _overlooked(subject: MetricSubject, score: Score, kind: Kind) -> Found:
    draws = [subject.values(subject.of("good", kind, draw=i)).get(score.name) for i in range(DRAWS)]
    good = sorted(value for value in draws if value is not None)
    found = {defect: _of_samples(subject, score, kind, q) for defect, q in DEFECTS.items()}
    if {*good} == {*found.values(), _of_samples(subject, score, kind, "noise")}:
        yield f"{score.name} depends on other things than samples"
        return
    among = f"{good[0]:.4g} to {good[-1]:.4g} for {len(good)} sets of samples that are good"
    for defect, value in found.items():
        if value is None or defect in score.blind:
            continue
        gap = value - good[-1] if score.better == "lower" else good[0] - value
        # An equally good set of samples is this far beyond the others once in a while.
        if gap <= max(good[-1] - good[0], EXACT * abs(value)):
            yield Finding(
                f"{score.name} is {among}, and {value:.4g} for what is {DEFECTS[defect]}: no worse "
                "than chance.",
                f"Score({score.name!r}, …, blind={(*score.blind, defect)!r}) says so to who reads "
                "it.",
            )


def _of_samples(subject: MetricSubject, score: Score, kind: Kind, quality: Quality) -> float | None:
    """One score where samples are of some quality, and all else is good."""
    given, other = subject.given("good", kind), subject.given(quality, kind)
    mixed = given.changed(lambda part, _: other.given[part], other.title, OF_SAMPLES)
    return subject.values(subject.measured(mixed)).get(score.name)


@check(
    "kinds",
    knowing=(
        "determinism",
        "direction",
        "known",
        "swap",
        "noise",
        "blindness",
        "invariances",
        "hardware",
    ),
)
def range_(subject: MetricSubject) -> Found:
    """Every value that was measured lies in the range that its score declares."""
    declared = [score for score in subject.metric.scores if score.range != (None, None)]
    if not declared:
        raise DoesNotApplyError("no score declares any")
    declared = [score for score in declared if subject.seen.get(score.name)]
    if not declared:
        raise DoesNotApplyError("no score that declares it has a value")
    for score in declared:
        low, high = score.range
        for value, title in subject.seen.get(score.name, {}).items():
            if (low is not None and value < low) or (high is not None and value > high):
                yield Finding(
                    f"{score.name} is declared to be in {shown_range(score)}, and was "
                    f"{value!r} for {title}.",
                    "Declare what it can have; or clip what is outside by rounding alone.",
                )
                break
    yield ", ".join(f"{score.name} in {shown_range(score)}" for score in declared)
