"""A model under check: made, trained and called as a run does it, and watched meanwhile."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from genbench import evaluate, weights
from genbench.contract import CAPABILITIES, History, has
from genbench.errors import ContractError
from genbench.evidence import RunEvidence
from genbench.reference import Reference
from genbench.streams import generator, seed_global
from genbench.testing import surroundings, worlds
from genbench.testing.finding import DoesNotApplyError
from genbench.testing.subject import PluginRaisedError, Subject
from genbench.testing.worlds import PROTOCOL, World
from genbench.train import Trainer

RANDOM = ("sample", "log_likelihood", "log_likelihood_bound")
"""The capabilities that are given an rng; the others are deterministic."""

DRAWS = 3
"""That a bound is asked for."""

Made = TypeVar("Made")
Notes = dict[str, str]
"""Sentences, and the call that was first to give cause for each."""


class ModelSubject(Subject):
    """Adds to a subject what is made of it once and looked at by many checks."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.moved: Notes = {}
        """What capabilities did to weights, buffers and mode."""
        self.changed_inputs: Notes = {}
        self.moved_streams: Notes = {}
        self._made: dict[str, Any] = {}

    def once(self, name: str, make: Callable[[Any], Made]) -> Made:
        """What ``make`` gives for this subject; kept under a name, so that it is made once."""
        if name not in self._made:
            self._made[name] = make(self)
        made: Made = self._made[name]
        return made

    # ----------------------------------------------------------------------------------- its data

    @cached_property
    def offered(self) -> list[World]:
        """The data that it is tried on.

        Raises:
            UsageError: there is no such data set, or shape.
        """
        return worlds.of(self.data) if self.data else worlds.made_up(list(worlds.SHAPES))

    def prepare(self) -> None:
        """Look for the data, too."""
        super().prepare()
        assert self.offered

    @cached_property
    def tried(self) -> list[tuple[World, str]]:
        """Every world with the reason why the model does not take it; no reason where it does."""
        found = []
        for world in self.offered:
            refusal = self.refusal(world)
            if refusal and world.spec.classes and not self.data:
                bare = worlds.unlabelled(world)
                if not self.refusal(bare):
                    world, refusal = bare, ""
            found.append((world, refusal))
        return found

    def refusal(self, world: World) -> str:
        """Why the constructor does not take this data: its ``ValueError``; empty where it does."""
        try:
            self.make(world)
        except PluginRaisedError as raised:
            if isinstance(raised.error, ValueError):
                return str(raised.error) or "ValueError"
            raise
        return ""

    @property
    def taken(self) -> list[World]:
        """The worlds that the model takes, the smallest first."""
        return [world for world, refusal in self.tried if not refusal]

    @property
    def main(self) -> World:
        """The world that most checks use."""
        if not self.taken:
            raise DoesNotApplyError("it takes none of the data that is tried")
        return self.taken[0]

    # ------------------------------------------------------------------------------ what is made

    def make(self, world: World, seed: int = 0) -> nn.Module:
        """A new model in its first state, as `genbench.runner.make_model` makes it."""
        seed_global(seed, "initialisation")
        model = self.construct(world.spec)
        if not isinstance(model, nn.Module):
            raise ContractError(f"The model is {type(model).__name__}, not a torch.nn.Module.")
        return model

    @property
    def trains(self) -> bool:
        """Whether it has ``train_step``."""
        return has(self.factory, "train_step")

    @property
    def fits(self) -> bool:
        """Whether it has ``fit``."""
        return has(self.factory, "fit")

    def offers(self, capability: str) -> bool:
        """Whether it has a capability on the data that most checks use."""
        return has(self._first, capability)

    @cached_property
    def _first(self) -> nn.Module:
        return self.make(self.main)

    def trainer(self, world: World, seed: int = 0) -> Trainer:
        """A trainer of a new model."""
        model = self.make(world, seed)
        with self.calling("optimizers()"):
            return Trainer(model, world.loaded.train, PROTOCOL, seed)  # type: ignore[arg-type]

    def trained_on(self, world: World, seed: int = 0) -> nn.Module:
        """A new model, trained to the end of the small budget and fitted, in ``eval()``."""
        return self._fitted(self._trained(world, seed), world)

    def _trained(self, world: World, seed: int = 0) -> nn.Module:
        if not self.trains:
            return self.make(world, seed)
        trainer = self.trainer(world, seed)
        with self.calling("train_step(batch, step)"):
            for _ in trainer.run():
                pass
        model: nn.Module = trainer.model  # type: ignore[assignment]
        return model

    def _fitted(self, model: nn.Module, world: World) -> nn.Module:
        self.fit(model, world)
        return model.eval()

    def fit(self, model: nn.Module, world: World, seed: int = 0) -> None:
        """Run the model's own ``fit``, if it has one."""
        if has(model, "fit"):
            with self.calling("fit(train, rng)"):
                evaluate.fit(model, world.loaded, seed)

    @cached_property
    def unfitted(self) -> nn.Module:
        """One model, trained on the main world by its train steps alone; `trained` fits it."""
        return self._trained(self.main)

    @cached_property
    def trained(self) -> nn.Module:
        """One model, trained and fitted on the main world; capabilities leave it as it is."""
        return self._fitted(self.unfitted, self.main)

    # ------------------------------------------------------------------------- its capabilities

    def sound(self) -> list[str]:
        """The capabilities that it has and whose own check, which has their name, found nothing."""
        return [c for c in CAPABILITIES if self.offers(c) and c not in self.failed]

    @property
    def x(self) -> Tensor:
        """A few examples of the main world, as a model sees them: float32 (8, *shape)."""
        return next(self.main.loaded.test.batches(8)).x

    def call(self, model: nn.Module, capability: str, *arguments: Any) -> Any:
        """Call a capability in ``eval()`` and without gradients; note what else it does."""
        before = weights.snapshot(model)
        streams = surroundings.streams()
        given = [a.clone() if isinstance(a, Tensor) else a for a in arguments]
        model.eval()
        with self.calling(f"{capability}({_shown(arguments)})"), torch.no_grad():
            result = getattr(model, capability)(*arguments)
        self._note_moves(model, capability, before)
        for was, now in zip(given, arguments, strict=True):
            if isinstance(now, Tensor) and not torch.equal(was, now):
                self.changed_inputs.setdefault("changed its x in place", capability)
                now.copy_(was)
        moved = [name for name, state in surroundings.streams().items() if streams[name] != state]
        if moved and capability in RANDOM:
            self.moved_streams.setdefault(f"moved the global stream of {moved[0]}", capability)
        return result

    def _note_moves(self, model: nn.Module, capability: str, before: weights.State) -> None:
        training = [name or "the model" for name, part in model.named_modules() if part.training]
        if training:
            self.moved.setdefault(f"left {some(training)} in train()", capability)
            model.eval()
        now = weights.state_of(model)
        names = [
            name for name in now if name not in before or not same_bits(now[name], before[name])
        ]
        if names:
            self.moved.setdefault(f"changed {some(names)}", capability)
            if now.keys() == before.keys():
                weights.restore(model, before)

    def outputs(self, model: nn.Module, seed: int = 0) -> dict[str, Any]:
        """What each sound capability gives for equal seeds and equal examples."""
        found = {}
        for capability in self.sound():
            seed_global(seed, "capabilities")
            found[capability] = self.call(model, capability, *self.arguments(capability))
        return found

    def arguments(
        self, capability: str, n: int = 8, device: torch.device | str = "cpu"
    ) -> tuple[Any, ...]:
        """What a capability is called with: always the same."""
        rng = generator(0, "sampling", device)
        if capability == "sample":
            return n, rng
        x = self.x[:n].to(device, copy=True)
        if capability == "log_likelihood_bound":
            return x, rng, DRAWS
        return (x, rng) if capability in RANDOM else (x,)

    def evidence(self, model: nn.Module, world: World, n: int, chunk: int) -> RunEvidence:
        """The evidence that a run would take of this model: it checks what comes."""
        return RunEvidence(
            model=_Called(self, model),
            loaded=world.loaded,
            real=world.loaded.validation,
            history=History(),
            weights="last",
            reference=Reference(world.loaded.fingerprint, None),
            sample_count=n,
            sampling_chunk=chunk,
            seed=0,
        )


class _Called:
    """A model whose capabilities are called by `ModelSubject.call`."""

    def __init__(self, subject: ModelSubject, model: nn.Module) -> None:
        for capability in CAPABILITIES:
            if has(model, capability):
                setattr(self, capability, functools.partial(subject.call, model, capability))


def same_bits(a: Any, b: Any) -> bool:
    """Whether two tensors are equal to the last bit, NaN included."""
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)):
        return bool(a is b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return torch.equal(a, b) or (
        a.is_floating_point() and torch.equal(a.nan_to_num(), b.nan_to_num())
    )


def farthest(a: Tensor, b: Tensor) -> float:
    """The largest difference between two tensors; infinite if their shapes differ."""
    if a.shape != b.shape:
        return float("inf")
    return float((a.double() - b.double()).abs().max()) if a.numel() else 0.0


def different(a: weights.State, b: weights.State) -> list[str]:
    """The names under which two states are not the same to the last bit."""
    return [name for name in a if name not in b or not same_bits(a[name], b[name])]


def some(names: list[str], most: int = 4) -> str:
    """Names in a sentence, not more than a few."""
    listed = ", ".join(names[:most])
    return listed if len(names) <= most else f"{listed} and {len(names) - most} more"


def notes_of(found: Notes) -> Iterator[str]:
    """Each as a sentence that begins with the call."""
    for sentence, call in found.items():
        yield f"{call} {sentence}."


def _shown(arguments: tuple[Any, ...]) -> str:
    return ", ".join(
        f"x of {tuple(a.shape)}"
        if isinstance(a, Tensor)
        else "rng"
        if not isinstance(a, int)
        else str(a)
        for a in arguments
    )
