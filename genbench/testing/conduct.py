"""Checks of what a model does besides: randomness, inputs, weights, the process around it."""

from __future__ import annotations

from typing import Any

import torch

from genbench import weights
from genbench.contract import CAPABILITIES
from genbench.step import Stepper
from genbench.streams import generator, seed_global
from genbench.testing import surroundings
from genbench.testing.finding import DoesNotApplyError, Finding
from genbench.testing.models import (
    RANDOM,
    ModelSubject,
    different,
    farthest,
    notes_of,
    same_bits,
    some,
)
from genbench.testing.subject import disturbances
from genbench.testing.suite import Found, check
from genbench.testing.updates import watched
from genbench.testing.worlds import BATCH_SIZE, PROTOCOL

TOLERANCE = 1e-4
"""Of the largest value: what the size of a batch may change in float32 arithmetic."""


@check("training", "fit", knowing=CAPABILITIES)
def determinism(subject: ModelSubject) -> Found:
    """One seed gives the same bits: weights, samples, likelihoods; codes need no seed at all."""
    model, again = subject.trained, subject.trained_on(subject.main)
    moved = different(weights.state_of(model), weights.state_of(again))
    if moved:
        yield Finding(
            f"Two trainings from one seed ended with another {some(moved)}.",
            "Draw from torch, numpy or random as genbench has seeded them: no clock, no "
            "os.urandom, no generator of its own without a seed, no order of a set.",
        )
    for capability in subject.sound():
        given = []
        for seed in (0, 0) if capability in RANDOM else (0, 1):
            seed_global(seed, "capabilities")
            given.append(subject.call(model, capability, *subject.arguments(capability)))
        if same_bits(*given):
            continue
        apart = f"gave results up to {farthest(*given):.3g} apart."
        if capability in RANDOM:
            yield Finding(f"{capability} with equally seeded rngs {apart}", "Draw from rng alone.")
        else:
            yield Finding(
                f"Two calls of {capability}(x) on the same x {apart}",
                "Draw nothing in it: the mean of a posterior, not a draw; no dropout in eval().",
            )


@check("training", "fit", knowing=CAPABILITIES)
def independence(subject: ModelSubject) -> Found:
    """A code or reconstruction is the same alone and in any batch, to 0.0001 of its size."""
    model, x = subject.trained, subject.x
    capabilities = [c for c in subject.sound() if c not in RANDOM]
    if not capabilities:
        raise DoesNotApplyError("it has neither encode nor reconstruct")
    for capability in capabilities:
        seed_global(0, "capabilities")
        together = subject.call(model, capability, x)
        seed_global(1, "capabilities")
        if not same_bits(together, subject.call(model, capability, x)):
            continue  # what is random cannot be compared, and `determinism` names it
        alone = torch.cat([subject.call(model, capability, one) for one in x.split(1)])
        gap = farthest(together, alone)
        if gap > TOLERANCE * max(1.0, float(together.abs().max())):
            yield Finding(
                f"{capability}(x) of an example alone and in a batch of {len(x)} are up to "
                f"{gap:.3g} apart.",
                "Batch norm uses its running statistics in eval(); nothing else may look at the "
                "other examples.",
            )


@check("training", "fit", knowing=CAPABILITIES)
def inputs(subject: ModelSubject) -> Found:
    """Nothing writes to what it is given: batch.x, and the x of a capability, stay as they are."""
    mend = "Work on a copy, x = x.clone(): it is shared. Operations in place end in _."
    if subject.trains:
        written_to = sorted(watched(subject).written_to)
        if written_to:
            yield Finding(f"train_step changed {some(written_to)} in place.", mend)
    _use(subject)
    for sentence in notes_of(subject.changed_inputs):
        yield Finding(sentence, mend)


@check("training", "fit", knowing=CAPABILITIES)
def evaluation(subject: ModelSubject) -> Found:
    """Capabilities leave parameters, buffers and eval() as they find them."""
    if not subject.sound():
        raise DoesNotApplyError("it has no capability that gives what it should")
    _use(subject)
    for sentence in notes_of(subject.moved):
        yield Finding(
            sentence,
            "An evaluation more or less must not change a model: no train() in a capability, and "
            "nothing counted or cached in a buffer.",
        )


@check("training", "fit", knowing=CAPABILITIES)
def streams(subject: ModelSubject) -> Found:
    """fit and capabilities draw from their rng alone; nothing reseeds the global streams."""
    for part in ("the constructor", *(["train_step"] if subject.trains else [])):
        for stream in _reseeded(subject, part):
            yield Finding(
                f"{part} puts the global stream of {stream} to one place, whatever its seed was.",
                "Leave seeds to genbench: with this all seeds of a model are one.",
            )
    _use(subject)
    if subject.fits:
        for stream in _moved_by_fit(subject):
            subject.moved_streams[f"moved the global stream of {stream}"] = "fit"
    for sentence in notes_of(subject.moved_streams):
        yield Finding(
            sentence,
            "Draw from rng, as in torch.randn(…, generator=rng, device=rng.device).",
        )


@check("options", knowing=("constructor", "training", "fit", *CAPABILITIES))
def surroundings_(subject: ModelSubject) -> Found:
    """The process is left as it was: default dtype, threads, flags, warnings, folder, signals."""
    if not subject.failed & {"constructor", "optimizers", "training", "fit"}:
        _use(subject)
    yield from disturbances(subject)


def _use(subject: ModelSubject) -> None:
    """Call every sound capability at least once; what they do besides has then been noted."""
    subject.once("used", lambda subject: subject.outputs(subject.trained))


def _reseeded(subject: ModelSubject, part: str) -> list[str]:
    """The global streams that stand at one place after a part, wherever they stood before it."""
    after = []
    for seed in (0, 1):
        model: Any = subject.make(subject.main)
        seed_global(seed, "streams")
        if part == "the constructor":
            subject.construct(subject.main.spec)
        else:
            batch = next(subject.main.loaded.train.batches(BATCH_SIZE))
            model.train()
            with subject.calling("train_step(batch, step)"):
                stepper = Stepper(model.optimizers(), PROTOCOL.training.images)
                model.train_step(batch, stepper)
        after.append(surroundings.streams())
    return [stream for stream, state in after[0].items() if after[1].get(stream) == state]


def _moved_by_fit(subject: ModelSubject) -> list[str]:
    model: Any = subject.make(subject.main).eval()
    before = surroundings.streams()
    # Not evaluate.fit, which gives fit global streams of its own to save the training after it.
    with subject.calling("fit(train, rng)"), torch.no_grad():
        model.fit(subject.main.loaded.train, generator(0, "fit"))
    return [stream for stream, state in surroundings.streams().items() if before[stream] != state]
