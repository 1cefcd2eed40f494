"""The weights of a model in memory: copied out, put back, kept over a block.

Everything a model is lies in its parameters and buffers; names that share one storage (a trunk
that is part of two networks) go on sharing it in every copy.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from genbench.contract import Weights
from genbench.errors import ContractError

State = Mapping[str, Tensor]


def joined(states: Mapping[Weights, State]) -> dict[str, Tensor]:
    """States of several kinds of weights as one, under ``average/…`` and ``last/…``."""
    return {
        f"{kind}/{name}": tensor for kind, state in states.items() for name, tensor in state.items()
    }


def of_kind(tensors: State, kind: Weights) -> dict[str, Tensor]:
    """The state of one kind out of what `joined` gave."""
    return {
        name.removeprefix(f"{kind}/"): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{kind}/")
    }


def state_of(model: torch.nn.Module) -> dict[str, Tensor]:
    """All parameters and buffers by name, those that share a storage under each of their names.

    Not ``state_dict()``: buffers that are not persistent decide what a model gives, too.
    """
    named = (
        *model.named_parameters(remove_duplicate=False),
        *model.named_buffers(remove_duplicate=False),
    )
    return dict(named)


def place(tensor: Tensor) -> tuple[object, ...]:
    """Where a tensor lies: equal for two names of one tensor and for nothing else."""
    if tensor.numel() == 0:
        return (id(tensor),)
    return (tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())


def snapshot(model: torch.nn.Module) -> dict[str, Tensor]:
    """A copy of all parameters and buffers that keeps what is shared shared."""
    copies: dict[tuple[object, ...], Tensor] = {}
    return {
        name: copies.setdefault(place(tensor), tensor.detach().clone())
        for name, tensor in state_of(model).items()
    }


@torch.no_grad()
def restore(model: torch.nn.Module, state: State) -> None:
    """Put a snapshot back into a model, in place.

    Raises:
        ContractError: the model has other parameters or buffers, or of other shapes.
    """
    own = state_of(model)
    if own.keys() != state.keys():
        raise ContractError(
            f"{type(model).__name__} has other parameters and buffers than were saved: "
            f"{', '.join(sorted(own.keys() ^ state.keys()))}. All are made in the constructor."
        )
    for name, tensor in own.items():
        if tensor.shape != state[name].shape:
            raise ContractError(
                f"{name} of {type(model).__name__} is {tuple(tensor.shape)} when it is made but "
                f"{tuple(state[name].shape)} was saved: sizes are fixed in the constructor."
            )
        tensor.copy_(state[name])


@contextlib.contextmanager
def buffers_kept(model: torch.nn.Module) -> Iterator[None]:
    """A block after which buffers are what they were: what ``fit`` sets is for one evaluation."""
    kept = {name: buffer.detach().clone() for name, buffer in model.named_buffers()}
    try:
        yield
    finally:
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                # A size that fit changed is refused by itself, with words that say why.
                if buffer.shape == kept[name].shape:
                    buffer.copy_(kept[name])
