"""Checks for metrics: measured on evidence that is good, bad or the same by construction."""

from __future__ import annotations

from functools import cached_property
from typing import Any, get_args

import torch

from genbench.contract import Invariance, Measurement, NotApplicable, Score
from genbench.errors import ContractError, nearest
from genbench.evaluate import checked_metric, measured
from genbench.streams import seed_global
from genbench.testing.evidence import GivenEvidence, UndeclaredError, made_up
from genbench.testing.finding import DoesNotApplyError, Finding
from genbench.testing.subject import PluginRaisedError, Subject, disturbances
from genbench.testing.suite import Found, check

Measured = dict[str, Measurement | NotApplicable]

NOTICEABLE = 0.1
"""Of the largest move of a score: smaller ones are chance, and say nothing of its direction."""

TOLERANCE = 1e-3
"""Of a score's size: what rounding may make of evidence in another order."""


class MetricSubject(Subject):
    """Adds to a subject the metric, and its measurements."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.changed: dict[str, None] = {}
        """The evidence that it wrote to."""

    @cached_property
    def metric(self) -> Any:
        """The metric, checked as a run checks it."""
        return checked_metric(self.plugin.name, self.construct())

    def measured(self, evidence: GivenEvidence, seed: int = 0) -> Measured:
        """What it gives for some evidence, checked as a run checks it."""
        before = {name: tensor.clone() for name, tensor in evidence.tensors()}
        seed_global(seed, "metrics")
        with self.calling("measure(evidence)"), torch.no_grad():
            found: Measured = measured(self.plugin.name, self.metric, evidence)  # type: ignore[arg-type]
        for name, tensor in evidence.tensors():
            if not torch.equal(tensor, before[name]):
                self.changed[name] = None
                tensor.copy_(before[name])
        return found

    @cached_property
    def good(self) -> Measured:
        """What it gives for good evidence."""
        return self.measured(made_up(self.metric.needs))

    def values(self, measured: Measured) -> dict[str, float]:
        """The scores that have a value."""
        return {n: m.value for n, m in measured.items() if isinstance(m, Measurement)}


SUBJECT = MetricSubject


@check()
def options(subject: MetricSubject) -> Found:
    """Options stand after a '*', have types that text is read as and defaults that a row holds."""
    yield ", ".join(f"{name}={value}" for name, value in subject.options.items()) or "it has none"


@check("options")
def declaration(subject: MetricSubject) -> Found:
    """It says its version, a text, what it needs, and what scores it gives."""
    metric = subject.metric
    yield f"version {metric.version}, needs {', '.join(metric.needs) or 'nothing'}"


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
    """Images and points are measured alike, or are NotApplicable."""
    measured = subject.measured(made_up(subject.metric.needs, kind="points"))
    for name, value in measured.items():
        if isinstance(value, NotApplicable):
            yield f"points: no {name}, {value.reason}"


@check("scores")
def determinism(subject: MetricSubject) -> Found:
    """The same evidence gives the same scores to the last bit; chance is evidence.rng(NAME)."""
    again = subject.measured(made_up(subject.metric.needs), seed=1)
    for name, value in subject.good.items():
        if again[name] != value:
            values = f"{_shown(value)} and then {_shown(again[name])}"
            yield Finding(
                f"{name} of the same evidence was {values}.",
                "Draw from evidence.rng(NAME), which begins anew for every model.",
            )


def _shown(measured: Measurement | NotApplicable) -> str:
    return f"{measured.value:.6g}" if isinstance(measured, Measurement) else "not applicable"


@check("scores")
def evidence(subject: MetricSubject) -> Found:
    """The evidence, which all metrics share, stays as it is."""
    assert subject.good
    for name in subject.changed:
        yield Finding(
            f"measure() changed evidence.{name} in place.",
            "Work on a copy: operations in place end in _.",
        )


@check("determinism")
def direction(subject: MetricSubject) -> Found:
    """A score moves the way that ``better`` says between what is good and what is bad."""
    good = subject.values(subject.good)
    bad = {
        quality: subject.values(subject.measured(made_up(subject.metric.needs, quality)))
        for quality in ("noise", "collapsed", "copied")
    }
    judged = [s for s in subject.metric.scores if s.better and not s.hardware and s.name in good]
    if not judged:
        raise DoesNotApplyError("no score that has a direction and is not of the hardware")
    for score in judged:
        moves = {
            q: values[score.name] - good[score.name]
            for q, values in bad.items()
            if score.name in values
        }
        largest = max((abs(move) for move in moves.values()), default=0.0)
        if largest == 0:
            yield f"{score.name} moved with nothing that was tried"
            continue
        seen = {q: move for q, move in moves.items() if abs(move) > NOTICEABLE * largest}
        worse = [q for q, move in seen.items() if (move > 0) == (score.better == "lower")]
        if not worse:
            yield Finding(
                _backwards(score, good[score.name], seen),
                f"better={_other(score)!r}, or turn its sign.",
            )
        else:
            yield f"{score.name} is worse for what is {' and '.join(worse)}"


def _backwards(score: Score, good: float, moves: dict[str, float]) -> str:
    listed = " and ".join(f"{good + move:.4g} for what is {q}" for q, move in moves.items())
    return f"{score.name} is better {score.better}, but is {good:.4g} for what is good, {listed}."


def _other(score: Score) -> str:
    return "higher" if score.better == "lower" else "lower"


@check("determinism")
def invariances(subject: MetricSubject) -> Found:
    """A score stays the same under the invariances that the metric declares."""
    declared = getattr(subject.metric, "invariances", ())
    if isinstance(declared, str) or not all(isinstance(name, str) for name in declared):
        raise ContractError(f"invariances is a tuple of names, not {declared!r}.")
    known = get_args(Invariance)
    if not declared:
        raise DoesNotApplyError("it declares none")
    given = made_up(subject.metric.needs)
    changed = {
        "sample-order": given.reordered("samples"),
        "real-order": given.reordered("real"),
        "feature-rotation": given.rotated(),
    }
    for name in declared:
        if name not in known:
            yield Finding(f"There is no invariance {name!r}. {nearest(name, known)}")
            continue
        before = subject.values(subject.good)
        for score, value in subject.values(subject.measured(changed[name])).items():
            if abs(value - before[score]) > TOLERANCE * max(abs(before[score]), 1e-3):
                yield Finding(
                    f"It declares {name}, and under it {score} went from {before[score]:.6g} to "
                    f"{value:.6g}.",
                    f"Take {name!r} out of invariances, or out of the way that it measures.",
                )
    yield ", ".join(declared)


@check("determinism")
def hardware(subject: MetricSubject) -> Found:
    """A score that depends on seconds or memory says hardware=True."""
    slower = subject.values(subject.measured(made_up(subject.metric.needs).slower()))
    good = subject.values(subject.good)
    for score in subject.metric.scores:
        moved = score.name in slower and slower[score.name] != good.get(score.name)
        if moved and not score.hardware:
            yield Finding(
                f"On a slower machine {score.name} went from {good[score.name]:.4g} to "
                f"{slower[score.name]:.4g}.",
                "Score(…, hardware=True): it is then compared on one kind of machine only.",
            )


@check("options", knowing=("scores",))
def surroundings_(subject: MetricSubject) -> Found:
    """measure() leaves the process as it was: default dtype, threads, flags, warnings, folder."""
    if not subject.failed & {"declaration", "needs", "scores"}:
        # Once more: what it imported the first time may have changed what is its own affair.
        subject.measured(made_up(subject.metric.needs))
    yield from disturbances(subject)


CHECKS = (
    options,
    declaration,
    needs,
    scores,
    kinds,
    determinism,
    evidence,
    direction,
    invariances,
    hardware,
    surroundings_,
)
