"""Weights of extractors: found where they are held, and changed a little where they are read."""

from __future__ import annotations

import builtins
import contextlib
import io
from collections.abc import Iterator
from typing import Any
from unittest import mock

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

NUDGE = 0.01
"""What weights are changed by, to see whether a fingerprint is of them."""


def networks(extractor: Any) -> Iterator[tuple[str, nn.Module]]:
    """The networks that an extractor holds, or that it is, by attribute."""
    if isinstance(extractor, nn.Module):
        yield "", extractor
        return
    for name, value in _held(extractor):
        if isinstance(value, nn.Module):
            yield name, value


def tensors_of(extractor: Any) -> Iterator[Tensor]:
    """Floating-point tensors that an extractor holds."""
    held = [value for _, value in _held(extractor) if isinstance(value, Tensor)]
    for _, network in networks(extractor):
        held += [*network.parameters(), *network.buffers()]
    yield from (tensor for tensor in held if tensor.is_floating_point())


def _held(extractor: Any) -> Iterator[tuple[str, Any]]:
    """Its attributes, and what lies in those that are lists or tuples: what it read on demand."""
    if isinstance(extractor, nn.Module):
        return
    for name, value in vars(extractor).items():
        for item in value if isinstance(value, list | tuple) else [value]:
            yield name, item


@contextlib.contextmanager
def nudged_files() -> Iterator[list[str]]:
    """A block in which weights that are read from files come out a little otherwise.

    Gives the files that are opened past torch and safetensors, whose bytes stay as they are.
    """
    read: Any = safetensors.safe_open
    load, opening = torch.load, open
    opened: list[str] = []
    loading = False

    def noted(file: Any, mode: str = "r", *arguments: Any, **keywords: Any) -> Any:
        if "b" in mode and not loading:
            opened.append(str(file))
        return opening(file, mode, *arguments, **keywords)

    def loaded(*arguments: Any, **keywords: Any) -> Any:
        nonlocal loading
        loading = True
        try:
            return nudged(load(*arguments, **keywords))
        finally:
            loading = False

    def nudged(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value + NUDGE if value.is_floating_point() else value
        if isinstance(value, dict):
            return type(value)((key, nudged(item)) for key, item in value.items())
        return value

    class Nudged:
        """A safetensors file."""

        def __init__(self, *arguments: Any, **keywords: Any) -> None:
            self._file: Any = read(*arguments, **keywords)

        def __enter__(self) -> Nudged:
            self._file.__enter__()
            return self

        def __exit__(self, *error: Any) -> None:
            self._file.__exit__(*error)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def get_tensor(self, name: str) -> Any:
            return nudged(self._file.get_tensor(name))

        def get_tensors(self, *names: Any) -> Any:
            return nudged(self._file.get_tensors(*names))

    with (
        mock.patch.object(safetensors.torch, "safe_open", Nudged),
        mock.patch.object(torch, "load", loaded),
        mock.patch.object(builtins, "open", noted),
        mock.patch.object(io, "open", noted),
    ):
        yield opened
