"""Checks of how a model is made and trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from genbench import evaluate, weights
from genbench.contract import CAPABILITIES
from genbench.errors import ContractError
from genbench.step import Stepper
from genbench.testing import worlds
from genbench.testing.finding import DoesNotApplyError, Finding
from genbench.testing.models import ModelSubject, different, some
from genbench.testing.suite import Found, check
from genbench.testing.worlds import BATCH_SIZE, PROTOCOL


@check()
def options(subject: ModelSubject) -> Found:
    """Options stand after a '*', have types that text is read as and defaults that a row holds."""
    yield from subject.listed_options()


@check("options")
def constructor(subject: ModelSubject) -> Found:
    """The constructor makes an nn.Module for data that it takes, and raises ValueError else."""
    if not subject.taken:
        reasons = "; ".join(f"{world.size}: {refusal}" for world, refusal in subject.tried)
        yield Finding(
            f"It takes none of the data that is tried: {reasons}.",
            "Give data that it takes: a data set, or a shape as in 3x48x48.",
        )
        return
    yield f"takes {', '.join(world.size for world in subject.taken)}"
    for world, refusal in subject.tried:
        if refusal:
            yield f"refuses {world.size} ({refusal})"
    if not subject.trains and not subject.fits:
        yield Finding(
            "It has no train_step and no fit, so nothing can train it.",
            "Write optimizers and train_step, or fit.",
        )


def must_train(subject: ModelSubject) -> None:
    """Leave a check that is for models with train steps only."""
    if not subject.trains:
        raise DoesNotApplyError("it has no train_step")


@check("constructor")
def optimizers(subject: ModelSubject) -> Found:
    """optimizers() gives a mapping of names to optimizers."""
    must_train(subject)
    model: Any = subject.make(subject.main)
    if not callable(getattr(model, "optimizers", None)):
        yield Finding("It has train_step but no optimizers.", "Write optimizers().")
        return
    with subject.calling("optimizers()"):
        given = model.optimizers()
    stepper = Stepper(given, PROTOCOL.training.images)
    for name, optimizer in stepper.optimizers.items():
        if not isinstance(optimizer, Optimizer):
            yield Finding(
                f"Under {name!r} there is {type(optimizer).__name__}.",
                "It is a torch.optim.Optimizer.",
            )
            return
    yield ", ".join(stepper.optimizers)


@check("optimizers")
def training(subject: ModelSubject) -> Found:
    """train_step() calls step(NAME=loss) and returns scalar losses, all of them finite."""
    if subject.trains:
        steps = PROTOCOL.training.images // BATCH_SIZE
        assert subject.unfitted is not None
        yield f"{steps} train steps of {BATCH_SIZE} examples"
    else:
        must_train(subject)


@check("optimizers")
def fit(subject: ModelSubject) -> Found:
    """fit() can be run again and gives the same; beside train steps it sets buffers only."""
    if not subject.fits:
        raise DoesNotApplyError("it has no fit")
    model = subject.make(subject.main)
    train = subject.main.loaded.train
    before = train.x.clone()
    states = [weights.snapshot(model)]
    for _ in range(2):
        subject.fit(model, subject.main)
        states.append(weights.snapshot(model))
    if not torch.equal(before, train.x):
        train.x.copy_(before)
        yield Finding(
            "fit changed train.x in place, the data that everybody shares.", "Work on a copy."
        )
    if subject.trains:
        # By their values: torch does not count what is written by way of parameter.data.
        trained = {name for name, _ in model.named_parameters()}
        evaluate.hold_parameters([n for n in different(*states[:2]) if n in trained])
    moved = different(*states[1:])
    if moved:
        yield Finding(
            f"A second fit on the same data gave another {some(moved)}.",
            "It begins anew each time, and draws from rng alone: it runs before every evaluation.",
        )


@check("training", "fit", knowing=CAPABILITIES)
def shapes(subject: ModelSubject) -> Found:
    """Data that the constructor took is trained on and gives outputs of its shape."""
    others = [world for world in subject.taken if world is not subject.main]
    if not others:
        raise DoesNotApplyError(f"it was tried on {subject.main.size} alone")
    for world in others:
        try:
            model = subject.trained_on(world)
            hold_outputs(subject, model, world)
        except Exception as error:
            finding = getattr(error, "finding", None)
            if finding is None and not isinstance(error, ContractError):
                raise
            happened = finding.happened if finding else str(error)
            yield Finding(
                f"On {world.title} {happened}",
                "Raise ValueError in the constructor for shapes that it cannot take.",
            )
            return
    yield f"trained on {', '.join(world.size for world in others)} too"


@check("training", "fit", knowing=CAPABILITIES)
def labels(subject: ModelSubject) -> Found:
    """Labelled and unlabelled data are trained on alike, or refused by the constructor."""
    main = subject.main
    if subject.data and main.spec.name != "made-up":
        raise DoesNotApplyError(f"it was tried on {main.spec.name} alone")
    other = worlds.unlabelled(main) if main.spec.classes else worlds.labelled(main)
    refusal = subject.refusal(other)
    if refusal:
        yield f"refuses {other.title} ({refusal})"
        return
    model = subject.trained_on(other)
    hold_outputs(subject, model, other)


def hold_outputs(subject: ModelSubject, model: nn.Module, world: worlds.World) -> None:
    """Take a little of every kind of evidence that the model offers.

    Raises:
        ContractError: what came has another shape or dtype, or is not finite.
    """
    evidence = subject.evidence(model, world, n=3, chunk=2)
    parts: Mapping[str, str] = {
        "sample": "samples",
        "reconstruct": "reconstructions",
        "encode": "codes",
    }
    for capability in subject.sound():
        if capability in parts:
            getattr(evidence, parts[capability])
