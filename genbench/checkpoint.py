"""A trained model on disk: safetensors, each storage once, never pickle.

One file holds the weights under both keys, ``average/…`` and ``last/…``. Names that share one
storage (a trunk that is part of two networks) are stored once and listed as aliases. The file's
own hash stands in ``run.json``: safetensors has no checksum.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize
from torch import Tensor

from genbench.contract import Weights
from genbench.errors import ContractError, StoreError
from genbench.files import replace_file

State = Mapping[str, Tensor]


def snapshot(model: torch.nn.Module) -> dict[str, Tensor]:
    """A copy of all parameters and buffers that keeps what is shared shared."""
    copies: dict[tuple[object, ...], Tensor] = {}
    return {
        name: copies.setdefault(_place(tensor), tensor.detach().clone())
        for name, tensor in _state(model).items()
    }


@torch.no_grad()
def restore(model: torch.nn.Module, state: State) -> None:
    """Put a snapshot back into a model, in place.

    Raises:
        ContractError: the model has other parameters or buffers, or of other shapes.
    """
    own = _state(model)
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
    yield
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            buffer.copy_(kept[name])


def _state(model: torch.nn.Module) -> dict[str, Tensor]:
    # Not state_dict(): buffers that are not persistent decide what a model gives, too.
    named = (
        *model.named_parameters(remove_duplicate=False),
        *model.named_buffers(remove_duplicate=False),
    )
    return dict(named)


def save(path: Path, states: Mapping[Weights, State]) -> str:
    """Write the states atomically; return the file's SHA-256."""
    tensors: dict[str, Tensor] = {}
    aliases: dict[str, str] = {}
    first: dict[tuple[object, ...], str] = {}
    for weights, state in states.items():
        for name, tensor in state.items():
            key = f"{weights}/{name}"
            original = first.setdefault(_place(tensor), key)
            if original == key:
                tensors[key] = tensor.detach().cpu().contiguous()
            else:
                aliases[key] = original
    content = serialize(tensors, metadata={"aliases": json.dumps(aliases)})
    with replace_file(path) as temporary:
        temporary.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def load(path: Path, weights: Weights, sha256: str) -> dict[str, Tensor]:
    """Read the weights under one key, on the CPU.

    Raises:
        StoreError: the file is missing, torn, or not the one whose hash was recorded.
    """
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise StoreError(f"The checkpoint {path} cannot be read: {error.strerror}.") from None
    if found != sha256:
        raise StoreError(
            f"The checkpoint {path} is damaged or was replaced: its hash is {found[:12]}…, "
            f"recorded is {sha256[:12]}…. Run it again with --fresh."
        )
    try:
        with safe_open(path, framework="pt") as file:
            aliases: dict[str, str] = json.loads((file.metadata() or {}).get("aliases", "{}"))
            stored = {key: key for key in file.keys()} | aliases  # noqa: SIM118 (not a mapping)
            return {
                key.removeprefix(f"{weights}/"): file.get_tensor(original)
                for key, original in stored.items()
                if key.startswith(f"{weights}/")
            }
    except SafetensorError as error:
        raise StoreError(f"The checkpoint {path} cannot be read: {error}.") from None


def _place(tensor: Tensor) -> tuple[object, ...]:
    """Where a tensor lies: equal for two names of one tensor and for nothing else."""
    if tensor.numel() == 0:
        return (id(tensor),)
    return (tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
