"""What stands in for a model, a training and its data, where only samples are known."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NoReturn

import torch
from torch import Generator, Tensor, nn

from genbench.contract import Batch
from genbench.data import DeviceSplit, to_model
from genbench.errors import NotApplicableError
from genbench.evidence import RunEvidence


class GivenSamples:
    """A model whose samples were drawn before: it gives them, in their order, once.

    Args:
        x: uint8 (N, C, H, W), or float32 (N, *shape) as a model gives them.
        device: where they are given.
    """

    def __init__(self, x: Tensor, device: torch.device) -> None:
        self._x = x
        self._device = device
        self._given = 0

    def eval(self) -> GivenSamples:
        """There is nothing to switch."""
        return self

    def sample(self, n: int, rng: Generator) -> Tensor:
        """The next ``n`` of them."""
        self._given += n
        return to_model(self._x[self._given - n : self._given].to(self._device))


class Still:
    """A model as what evaluates it sees it: in ``eval()`` already, and to be left as it was."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def eval(self) -> None:
        """`evaluating` has seen to it."""


@contextlib.contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """A block in which every part of a model is in ``eval()``; after it each is as it was."""
    parts = list(model.modules()) if isinstance(model, nn.Module) else []
    modes = [part.training for part in parts]
    if parts:
        model.eval()
    try:
        yield
    finally:
        for part, mode in zip(parts, modes, strict=True):
            part.training = mode


class NoHistory:
    """In place of the history of a training that was not genbench's."""

    def __getattr__(self, name: str) -> NoReturn:
        raise NotApplicableError("the training was not genbench's: nothing is known of it")


class GivenEvidence(RunEvidence):
    """Evidence of samples that were drawn elsewhere."""

    @property
    def sampling_seconds(self) -> float:
        """Not known."""
        return self._unknown()

    @property
    def sampling_latency_seconds(self) -> float:
        """Not known."""
        return self._unknown()

    @property
    def sampling_flops(self) -> float:
        """Not known."""
        return self._unknown()

    def _unknown(self) -> NoReturn:
        raise NotApplicableError("the samples were drawn elsewhere: what that took is not known")


class NoTrainingSplit(DeviceSplit):
    """In place of the training split where none is known: whoever looks at it is told why."""

    def __init__(self, why: str, device: torch.device) -> None:
        self.name = "train"
        self.device = device
        self._why = why

    def _missing(self) -> NoReturn:
        raise NotApplicableError(self._why)

    def __len__(self) -> int:
        self._missing()

    @property
    def x(self) -> Tensor:  # type: ignore[override]
        """There is none."""
        self._missing()

    @property
    def y(self) -> Tensor | None:  # type: ignore[override]
        """There is none."""
        self._missing()

    def take(self, index: Tensor) -> Batch:
        """There is none."""
        self._missing()

    def batches(self, n: int) -> Iterator[Batch]:
        """There is none."""
        self._missing()
