"""Everything that training is at one moment, between two train steps: taken out, and put back.

Model, every optimizer, moving average, global random streams, position in the data, losses not
yet read. A `genbench.train.Trainer` that is given it goes on as if it had never stopped: on the
same device and software, to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim import Optimizer

from genbench import streams, weights
from genbench.checkpoint import Content
from genbench.errors import ContractError
from genbench.train import Trainer


def capture(trainer: Trainer) -> Content:
    """The state of a trainer between two train steps; its tensors are not copied.

    Raises:
        ContractError: an optimizer keeps something that cannot be written down.
    """
    tensors: dict[str, Tensor] = {
        f"model/{name}": tensor for name, tensor in weights.state_of(_module(trainer)).items()
    }
    optimizers = {
        name: _of_optimizer(name, optimizer, tensors)
        for name, optimizer in trainer.step.optimizers.items()
    }
    averages, groups = trainer.average.state()
    tensors |= {f"average/{number}": tensor for number, tensor in enumerate(averages)}
    random_tensors, random_plain = streams.global_state(trainer.device)
    tensors |= {f"random/{name}": tensor for name, tensor in random_tensors.items()}
    unread = [(images, list(losses)) for images, losses in trainer.unread]
    for number, (_, losses) in enumerate(trainer.unread):
        tensors |= {f"unread/{number}/{name}": loss for name, loss in losses.items()}
    return Content(
        tensors,
        {
            "optimizers": optimizers,
            "average": groups,
            "random": random_plain,
            "unread": unread,
            "position": trainer.order.position,
            "images": trainer.step.images,
            "index": trainer.step.index,
            "points_done": trainer.points_done,
            "ever_stepped": trainer.ever_stepped,
            "seconds": trainer.seconds,
        },
    )


def restore(trainer: Trainer, content: Content) -> None:
    """Put a trainer, freshly made for the same run, where another one was.

    Raises:
        ContractError: the model has other parameters, buffers or optimizers than were saved.
    """
    tensors, plain = content.tensors, content.plain
    weights.restore(_module(trainer), _below("model", tensors))
    if plain["optimizers"].keys() != trainer.step.optimizers.keys():
        raise ContractError(
            f"optimizers() gave {sorted(trainer.step.optimizers)}, but "
            f"{sorted(plain['optimizers'])} were saved: they are the same every time."
        )
    for name, optimizer in trainer.step.optimizers.items():
        _into_optimizer(name, optimizer, plain["optimizers"][name], tensors, trainer.device)
    averages = _below("average", tensors)
    trainer.average.restore([averages[str(n)] for n in range(len(averages))], plain["average"])
    trainer.unread = [
        (images, {name: tensors[f"unread/{number}/{name}"] for name in names})
        for number, (images, names) in enumerate(plain["unread"])
    ]
    trainer.order.position = plain["position"]
    trainer.step.images = plain["images"]
    trainer.step.index = plain["index"]
    trainer.points_done = plain["points_done"]
    trainer.ever_stepped = plain["ever_stepped"]
    trainer.seconds = plain["seconds"]
    # Last: whatever was drawn on the way here is forgotten.
    streams.restore_global(_below("random", tensors), plain["random"], trainer.device)


def _module(trainer: Trainer) -> torch.nn.Module:
    return cast(torch.nn.Module, trainer.model)


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}/"
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


# ------------------------------------------------------------------------------------- optimizers


def _of_optimizer(name: str, optimizer: Optimizer, tensors: dict[str, Tensor]) -> dict[str, Any]:
    # Not state_dict() and load_state_dict(), which turns what is saved into the dtype of the
    # parameter: a float64 sum would come back rounded.
    parameters = _parameters(optimizer)
    if not set(optimizer.state) <= set(parameters):
        raise ContractError(
            f"The optimizer {name!r} keeps state that belongs to none of its parameters, which no "
            "checkpoint can hold: keep it under a parameter, or in param_groups."
        )
    groups = [
        _packed(_settings(group), f"optimizer/{name}/group/{number}", tensors)
        for number, group in enumerate(optimizer.param_groups)
    ]
    states = [
        _packed(dict(optimizer.state[p]), f"optimizer/{name}/state/{number}", tensors)
        if p in optimizer.state
        else None
        for number, p in enumerate(parameters)
    ]
    return {"groups": groups, "states": states}


def _into_optimizer(
    name: str,
    optimizer: Optimizer,
    saved: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    device: torch.device,
) -> None:
    parameters = _parameters(optimizer)
    if len(optimizer.param_groups) != len(saved["groups"]) or len(parameters) != len(
        saved["states"]
    ):
        raise ContractError(
            f"The optimizer {name!r} has other parameters than were saved: optimizers() gives the "
            "same every time."
        )
    for group, settings in zip(optimizer.param_groups, saved["groups"], strict=True):
        group.update(_unpacked(settings, tensors, device))
    optimizer.state.clear()
    for parameter, state in zip(parameters, saved["states"], strict=True):
        if state is not None:
            optimizer.state[parameter] = _unpacked(state, tensors, device)


def _settings(group: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in group.items() if key != "params"}


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def _packed(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Nested data as JSON; tensors go to ``tensors`` and leave their name behind."""
    if isinstance(value, Tensor):
        tensors[name] = value
        return {"tensor": name, "device": value.device.type}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        items = [_packed(item, f"{name}/{n}", tensors) for n, item in enumerate(value)]
        return {"tuple" if isinstance(value, tuple) else "list": items}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {k: _packed(item, f"{name}/{k}", tensors) for k, item in value.items()}}
    raise ContractError(
        f"The {name.replace('/', ' ')} is {type(value).__name__} {value!r}, which no checkpoint "
        "can hold: tensors, numbers, text, lists and dicts can be."
    )


def _unpacked(packed: Any, tensors: Mapping[str, Tensor], device: torch.device) -> Any:
    if not isinstance(packed, dict):
        return packed
    if "tensor" in packed:
        # Some of what an optimizer keeps stays on the CPU, whatever the device.
        here = torch.device("cpu") if packed["device"] == "cpu" else device
        # A copy: names that shared a storage in the file may do so no longer in an optimizer.
        return tensors[packed["tensor"]].to(here, copy=True)
    if "dict" in packed:
        return {k: _unpacked(item, tensors, device) for k, item in packed["dict"].items()}
    [(kind, items)] = packed.items()
    unpacked = [_unpacked(item, tensors, device) for item in items]
    return tuple(unpacked) if kind == "tuple" else unpacked
