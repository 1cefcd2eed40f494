"""Checks that a model can move to another device, on machines that have one and that have none."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._device import _device_constructors

from genbench.contract import CAPABILITIES, Examples
from genbench.data import DeviceSplit
from genbench.errors import ContractError
from genbench.step import Stepper
from genbench.streams import generator
from genbench.testing.finding import Finding
from genbench.testing.models import ModelSubject, some
from genbench.testing.suite import Found, check
from genbench.testing.worlds import BATCH_SIZE, PROTOCOL


@check("training", "fit", knowing=CAPABILITIES)
def devices(subject: ModelSubject) -> Found:
    """The model moves with to(device): tensors that it keeps or makes go where its weights are."""
    model = subject.make(subject.main)
    left = [name for name, _ in plain_tensors(model)]
    if left:
        yield Finding(
            f"{some(left)} is a tensor but neither parameter nor buffer: to(device) leaves it "
            "behind, and no checkpoint holds it.",
            "self.register_buffer(NAME, tensor), with persistent=False if it can be made again.",
        )
        return
    homeless = Homeless()
    with homeless:
        _exercise(subject, model, torch.device("cpu"), homeless)
    for where, (made_by, met_in) in homeless.met.items():
        yield Finding(
            f"{where}: {made_by} without device= makes a tensor on the CPU, which {met_in} then "
            "puts together with one that lies where the model is.",
            "Add device=x.device, or device=rng.device, or use randn_like and its siblings.",
        )
    if torch.cuda.is_available() and not homeless.met:
        device = torch.device("cuda")
        _exercise(subject, subject.make(subject.main).to(device), device, None)
        yield "moved to CUDA"


def plain_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Tensors in attributes of a model or its parts that are neither parameters nor buffers."""
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name not in ("_parameters", "_buffers", "_modules"):
                yield from _within(f"self.{path}.{name}".replace("..", "."), value)


def _within(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
        yield name, value
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _within(f"{name}[{position}]", item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _within(f"{name}[{key!r}]", item)


def _exercise(
    subject: ModelSubject, model: Any, device: torch.device, homeless: Homeless | None
) -> None:
    """A train step, a fit, and every sound capability, on a device."""
    world = subject.main.loaded
    moved = DeviceSplit("train", Examples(world.train.x, world.train.y), device)
    if subject.trains:
        model.train()
        with subject.calling("train_step(batch, step)"):
            stepper = Stepper(model.optimizers(), PROTOCOL.training.images)
            model.train_step(next(moved.batches(BATCH_SIZE)), stepper)
    model.eval()
    if subject.fits:
        with subject.calling("fit(train, rng)"), torch.no_grad():
            model.fit(moved, generator(0, "fit", device))
    for capability in subject.sound():
        arguments = subject.arguments(capability, device=device)
        with subject.calling(f"{capability} on {device.type}"), torch.no_grad():
            given = getattr(model, capability)(*arguments)
        if homeless is not None:
            homeless.meet([given], f"the result of {capability}")
        elif given.device.type != device.type:
            raise ContractError(
                f"The model is on {device}, but {capability} gave a tensor on {given.device}."
            )


class Homeless(TorchFunctionMode):
    """Follows tensors that are made without ``device=`` as if the model were on another device.

    On such a device they would be on the CPU: to use one together with a tensor that is not
    raises there, and works here. Numbers without a dimension mix with everything.
    """

    def __init__(self) -> None:
        super().__init__()
        self.met: dict[str, tuple[str, str]] = {}
        """By the line that made a tensor: what made it, and where it met another."""
        self._known: dict[int, tuple[Tensor, str, str]] = {}
        self._makers = _device_constructors()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = getattr(func, "__name__", str(func))
        given = list(_tensors((args, kwargs)))
        ours = [t for t in given if id(t) in self._known]
        if func in self._makers:
            if kwargs.get("device") is None and not (given and not ours):
                self._follow(result, f"torch.{name}", _line())
        elif ours and _moves(name, args, kwargs):
            # Here it is at home already, and may be the very tensor that came.
            self._known.pop(id(result), None)
        elif ours:
            if all(id(t) in self._known or t.ndim == 0 for t in given):
                _, made_by, where = self._known[id(ours[0])]
                for made in _tensors(result):
                    self._follow(made, made_by, where)
            elif name not in ("__getitem__", "__setitem__", "copy_", "__get__", "index"):
                self.meet(ours, name)
        return result

    def meet(self, tensors: Iterable[Any], name: str) -> None:
        """Note that what was made without a device is used where it must have the right one."""
        for tensor in tensors:
            if id(tensor) in self._known:
                _, made_by, where = self._known[id(tensor)]
                self.met.setdefault(where, (made_by, name))

    def _follow(self, made: Any, made_by: str, where: str) -> None:
        if isinstance(made, Tensor) and made.ndim > 0:
            # Kept alive, so that no other tensor gets its id.
            self._known[id(made)] = (made, made_by, where)


def _moves(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    if name in ("cuda", "type_as"):
        return True
    targets = [*args[1:], *kwargs.values()]
    return name == "to" and any(isinstance(t, torch.device | str | Tensor) for t in targets)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


def _line() -> str:
    """The plugin's line that is being run: the innermost that is neither torch's nor ours."""
    # With a separator at the end: a plugin's package may begin with our name, or with torch's.
    own = tuple(f"{Path(file).parent}{os.sep}" for file in (__file__, torch.__file__))
    frame: Any = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((*own, "<")):
            return f"{Path(file).name}:{frame.f_lineno} in {frame.f_code.co_name}"
        frame = frame.f_back
    return "torch"
