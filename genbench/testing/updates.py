"""Checks of single train steps, watched from within: who steps, and what gets a gradient."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

from genbench.data import Order
from genbench.step import Stepper
from genbench.streams import seed_global
from genbench.testing.finding import Finding
from genbench.testing.models import ModelSubject, some
from genbench.testing.suite import Found, check
from genbench.testing.training import must_train
from genbench.testing.worlds import BATCH_SIZE, PROTOCOL


@check("training")
def updates(subject: ModelSubject) -> Found:
    """Every update goes through step(): train_step() calls neither backward() nor an optimizer."""
    must_train(subject)
    seen = watched(subject)
    if seen.outside:
        yield Finding(
            f"train_step stepped {some(sorted(seen.outside))} itself, which the budget does not "
            "see.",
            "Call step(NAME=loss) in place of loss.backward() and optimizer.step().",
        )
    elif seen.left_gradients:
        yield Finding(
            f"train_step left a gradient in {some(sorted(seen.left_gradients))}.",
            "It comes of backward(): step(NAME=loss) takes the gradients of a loss, and "
            "torch.autograd.grad those that a loss is made of.",
        )


@check("training")
def gradients(subject: ModelSubject) -> Found:
    """Every parameter is in an optimizer and gets a gradient from it at some time in training."""
    must_train(subject)
    seen = watched(subject)
    owned = {id(p) for listed in seen.stepper.parameters.values() for p in listed}
    trained = {n: id(p) for n, p in seen.model.named_parameters() if p.requires_grad}
    free = [name for name, number in trained.items() if number not in owned]
    if free:
        yield Finding(
            f"No optimizer has {some(free)}, so nothing trains it.",
            "Put it into one, or set requires_grad_(False) if it is to stay as it is.",
        )
    without = [n for n, number in trained.items() if number in owned - seen.with_gradient]
    if without:
        yield Finding(
            f"In {seen.stepper.index} train steps no gradient reached {some(without)}: no loss "
            "that its optimizer was given depends on it.",
            "Use it in that loss, without detach() on the way; or take it out.",
        )
    own = {id(p) for p in seen.model.parameters()}
    for name, listed in seen.stepper.parameters.items():
        if any(id(p) not in own for p in listed):
            yield Finding(
                f"The optimizer {name!r} has parameters that are not the model's, which no "
                "checkpoint holds.",
                "Make them parameters of the model, in its constructor.",
            )


@dataclass
class WatchedStep:
    """A real `Stepper` in the hands of ``train_step``, and what happened around it."""

    stepper: Stepper
    model: nn.Module
    stepping: bool = False
    outside: set[str] = field(default_factory=set)
    """Optimizers that were stepped by the model itself."""
    left_gradients: set[str] = field(default_factory=set)
    """Parameters whose ``grad`` was set by the model itself."""
    with_gradient: set[int] = field(default_factory=set)
    """The ids of parameters that had a gradient when their optimizer stepped."""
    written_to: set[str] = field(default_factory=set)
    """The parts of a batch that were changed in place."""

    @property
    def progress(self) -> float:
        """As the stepper's."""
        return self.stepper.progress

    @property
    def index(self) -> int:
        """As the stepper's."""
        return self.stepper.index

    def __call__(self, *unnamed: object, **losses: Tensor) -> None:
        """As the stepper; gradients that were there before are the model's own doing."""
        self.look_for_gradients()
        self.stepping = True
        try:
            self.stepper(*unnamed, **losses)
        finally:
            self.stepping = False

    def look_for_gradients(self) -> None:
        """Note and remove gradients that only the model itself can have left."""
        for name, parameter in self.model.named_parameters():
            if parameter.grad is not None:
                self.left_gradients.add(name)
                parameter.grad = None

    def before_step(self, optimizer: Optimizer, *_: Any) -> None:
        """Hear of the step of any optimizer whatever."""
        if not self.stepping:
            names = [n for n, known in self.stepper.optimizers.items() if known is optimizer]
            self.outside.add(names[0] if names else type(optimizer).__name__)
            return
        listed = (p for group in optimizer.param_groups for p in group["params"])
        self.with_gradient |= {id(p) for p in listed if p.grad is not None}


def watched(subject: ModelSubject) -> WatchedStep:
    """What was seen while a new model was trained step by step; it is trained once."""
    return subject.once("watched", _train_watched)


def _train_watched(subject: ModelSubject) -> WatchedStep:
    train = subject.main.loaded.train
    model: Any = subject.make(subject.main)
    seed_global(0, "training")
    with subject.calling("optimizers()"):
        stepper = Stepper(model.optimizers(), PROTOCOL.training.images)
    seen = WatchedStep(stepper, model)
    order = Order(len(train), 0, train.x.device)
    hook = register_optimizer_step_pre_hook(seen.before_step)
    try:
        while stepper.images < stepper.budget:
            batch = train.take(order.draw(BATCH_SIZE))
            kept = [None if part is None else part.clone() for part in batch]
            model.train()
            with subject.calling("train_step(batch, step)"):
                model.train_step(batch, seen)
            seen.look_for_gradients()
            for name, was, now in zip(batch._fields, kept, batch, strict=True):
                if was is not None and now is not None and not torch.equal(was, now.detach()):
                    seen.written_to.add(f"batch.{name}")
            stepper.charge(len(batch.x))
    finally:
        hook.remove()
    return seen
