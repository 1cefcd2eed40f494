"""Checks that parameters and buffers are all that a model is: loaded, and resumed elsewhere."""

from __future__ import annotations

import hashlib
import pickle
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from genbench import checkpoint, training_state, weights
from genbench.checkpoint import Content
from genbench.contract import CAPABILITIES
from genbench.testing import fresh
from genbench.testing.finding import DoesNotApplyError, Finding
from genbench.testing.models import ModelSubject, different, farthest, same_bits, some
from genbench.testing.suite import Found, check
from genbench.testing.training import must_train
from genbench.testing.worlds import PROTOCOL

BUFFERS = (
    "What a model is lies in its parameters and buffers, and nowhere else: "
    "self.register_buffer(NAME, torch.tensor(…)) in the constructor."
)


OPTIMIZER = (
    "An optimizer is saved as its state_dict() gives it, without attributes of its own: keep it in "
    "optimizer.state or in param_groups."
)

AT_EACH_CALL = (
    "Compute from parameters and buffers at each call, and keep nothing of it: a model is given "
    "other weights between evaluations."
)


@check("determinism", "evaluation", knowing=CAPABILITIES)
def loading(subject: ModelSubject) -> Found:
    """A model that is given the parameters and buffers of another gives what that one gave."""
    if not subject.sound():
        raise DoesNotApplyError("it has no capability that gives what it should")
    trained = subject.trained
    copy = subject.make(subject.main, seed=1)
    weights.restore(copy, weights.snapshot(trained))
    plain = _changed(_plain_state(copy), _plain_state(trained))
    before, after = subject.outputs(trained), subject.outputs(copy.eval())
    for capability, given in before.items():
        if not same_bits(given, after[capability]):
            outside = f"; what differs outside of them is {some(plain)}" if plain else ""
            yield Finding(
                f"{capability} of a fresh model with the same parameters and buffers was up to "
                f"{farthest(given, after[capability]):.3g} away{outside}.",
                BUFFERS,
            )
            return
    yield from _of_earlier_weights(subject, copy)


def _of_earlier_weights(subject: ModelSubject, used: Any) -> Found:
    """What a model goes on giving after others were put in the place of its weights."""
    other = weights.snapshot(subject.trained_on(subject.main, seed=1))
    copy = subject.make(subject.main, seed=1)
    for model in (used, copy):
        weights.restore(model, other)
    given, expected = subject.outputs(used), subject.outputs(copy.eval())
    for capability in expected:
        if not same_bits(given[capability], expected[capability]):
            plain = _changed(_plain_state(copy), _plain_state(used))
            outside = f"; what differs outside of them is {some(plain)}" if plain else ""
            yield Finding(
                f"{capability} remembers earlier weights: with others put in their place it was "
                f"up to {farthest(given[capability], expected[capability]):.3g} away from a fresh "
                f"model with these{outside}.",
                AT_EACH_CALL,
            )
            return


@check("determinism")
def resuming(subject: ModelSubject) -> Found:
    """Training that is cut in two, the second half in a fresh process, ends with the same bits."""
    must_train(subject)
    subject.reference()
    trainer = subject.trainer(subject.main)
    half = PROTOCOL.training.images // 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "half.safetensors"
        saved: list[str] = []

        def pause() -> None:
            if not saved and trainer.step.images >= half:
                saved.append(checkpoint.save(path, training_state.capture(trainer)))

        trainer.pause = pause
        stepped = trainer.step.optimizers
        at_first, theirs = _plain_state(trainer.model), _optimizers_state(stepped)
        with subject.calling("train_step(batch, step)"):
            for _ in trainer.run():
                pass
        plain = _changed(at_first, _plain_state(trainer.model))
        of_optimizers = _changed(theirs, _optimizers_state(stepped), "")
        answer = fresh.call(subject, resumed, str(path), saved[0])
        there = checkpoint.load(path, answer).tensors
    whole = training_state.capture(trainer).tensors
    names = [name for name in different(whole, there) if name.startswith(("model/", "average/"))]
    if names:
        moved = [name.removeprefix("model/") for name in names if name.startswith("model/")]
        outside = [*plain, *of_optimizers]
        also = f", and training also changes {some(outside)}" if outside else ""
        mend = [OPTIMIZER] if of_optimizers else []
        yield Finding(
            f"{some(moved) or 'The moving average'} came out otherwise than in one go{also}.",
            " ".join([BUFFERS, *mend] if plain or not mend else mend),
        )


def resumed(subject: ModelSubject, path: str, sha256: str) -> str:
    """Go on from a checkpoint, in this process, to the end; the state at the end takes its place.

    Returns:
        The hash of the file.
    """
    trainer = subject.trainer(subject.main)
    training_state.restore(trainer, checkpoint.load(Path(path), sha256))
    for _ in trainer.run():
        pass
    content = training_state.capture(trainer)
    return checkpoint.save(Path(path), Content(content.tensors, {}))


def _plain_state(model: Any) -> dict[str, str]:
    """A hash of every attribute that is no parameter, buffer or module, by its full name."""
    found = {}
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name not in _OF_TORCH and not name.startswith("_forward_") and "_hooks" not in name:
                found[f"{path}.{name}".lstrip(".")] = _hash(value)
    return found


_OF_TORCH = {*vars(nn.Module()), "training"}


def _optimizers_state(optimizers: Mapping[str, Optimizer]) -> dict[str, str]:
    """A hash of every attribute of an optimizer that its ``state_dict()`` leaves out."""
    return {
        f"{attribute} of the optimizer {name!r}": _hash(value)
        for name, optimizer in optimizers.items()
        for attribute, value in vars(optimizer).items()
        if attribute not in _OF_OPTIMIZERS
    }


# What torch keeps there for itself, the last two for its schedulers.
_OF_OPTIMIZERS = {
    *vars(SGD([torch.zeros(1)])),
    "_need_device_dtype_check_for_fused",
    "_step_count",
    "_opt_called",
}


def _hash(value: Any) -> str:
    return hashlib.sha256(repr(_plain(value)).encode()).hexdigest()


def _plain(value: Any, depth: int = 4) -> Any:
    """Nested data as what its repr tells apart."""
    if isinstance(value, Tensor):
        array = value.detach().cpu()
        return str(array.dtype), tuple(array.shape), array.float().numpy().tobytes()
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes()
    if isinstance(value, torch.Generator):
        return value.get_state().numpy().tobytes()
    if isinstance(value, Optimizer | nn.Module) or callable(value) or depth == 0:
        return None  # optimizers are resumed, modules looked at by themselves
    if isinstance(value, Mapping):
        return [(repr(key), _plain(item, depth - 1)) for key, item in value.items()]
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth - 1) for item in value]
    if hasattr(value, "__dict__"):
        return _plain(vars(value), depth - 1)
    try:
        return pickle.dumps(value)
    except (TypeError, pickle.PicklingError):
        return None


def _changed(
    before: Mapping[str, str], after: Mapping[str, str], owner: str = "self."
) -> list[str]:
    names = {*before, *after}
    return sorted(f"{owner}{name}" for name in names if before.get(name) != after.get(name))
