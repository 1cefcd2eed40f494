"""One seed, many separate random streams: what is drawn in one never moves another."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def stream_seed(seed: int, name: str) -> int:
    """The seed of a named stream of a run, below 2**63."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, name: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator at the start of a named stream."""
    return torch.Generator(device).manual_seed(stream_seed(seed, name))


def seed_global(seed: int, name: str, *, cuda: bool = True) -> None:
    """Put the global generators (torch on every device, numpy, random) at a stream's start.

    Args:
        seed: of the run.
        name: of the stream.
        cuda: whether those of CUDA devices are put there, too.
    """
    value = stream_seed(seed, name)
    # As torch.manual_seed does, which takes a trace of the stack for each device that is not there.
    torch.default_generator.manual_seed(value)
    if cuda and _has_cuda():
        torch.cuda.manual_seed_all(value)
    np.random.seed(value % 2**32)
    random.seed(value)


@functools.cache
def _has_cuda() -> bool:
    return torch.cuda.is_available()


def global_state(device: torch.device) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Where the global generators stand: tensors and plain data."""
    tensors = {"cpu": torch.random.get_rng_state()}
    if device.type == "cuda":
        tensors["cuda"] = torch.cuda.get_rng_state(device)
    kind, key, *rest = np.random.get_state(legacy=True)
    return tensors, {"numpy": [kind, np.asarray(key).tolist(), *rest], "python": random.getstate()}


def restore_global(
    tensors: Mapping[str, Tensor], plain: Mapping[str, Any], device: torch.device
) -> None:
    """Put the global generators where `global_state` found them."""
    torch.random.set_rng_state(tensors["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(tensors["cuda"], device)
    kind, key, *rest = plain["numpy"]
    np.random.set_state((kind, np.array(key, dtype=np.uint32), *rest))
    version, words, gauss = plain["python"]
    random.setstate((version, tuple(words), gauss))


@contextlib.contextmanager
def separate(seed: int, name: str, device: torch.device) -> Iterator[None]:
    """A block whose draws from the global generators leave no trace outside it.

    A plugin that draws from them where it was given a generator stays repeatable, and an
    evaluation more or less never changes the training after it.
    """
    kept_numpy, kept_random = np.random.get_state(), random.getstate()
    # Of every device that is in use, ours or not; the others have no state yet that could be kept.
    cuda = device.type == "cuda" or torch.cuda.is_initialized()
    devices = list(range(torch.cuda.device_count())) if cuda else []
    with torch.random.fork_rng(devices=devices):
        seed_global(seed, name, cuda=cuda)
        try:
            yield
        finally:
            np.random.set_state(kept_numpy)
            random.setstate(kept_random)
