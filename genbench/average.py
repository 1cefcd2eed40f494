"""The moving average of the weights: kept while training, swapped in to be evaluated."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim.swa_utils import get_ema_multi_avg_fn

SHORTEST_MEMORY = 0.05
"""The half-life is at most this share of the images seen so far (EDM, Karras et al. 2022, B.2)."""


class MovingAverage:
    """An exponential moving average of parameters; buffers are not averaged.

    The average of an optimizer's parameters starts at that optimizer's first step, so that a
    network that is trained late is not averaged with its initialisation.

    Args:
        parameters: by optimizer; one that two of them share is averaged once a train step.
        half_life_images: after how many images a weight counts half.
    """

    def __init__(
        self, parameters: Mapping[str, Sequence[Parameter]], half_life_images: float
    ) -> None:
        self._half_life_images = half_life_images
        owners: dict[Parameter, set[str]] = {}
        for name, listed in parameters.items():
            for parameter in listed:
                owners.setdefault(parameter, set()).add(name)
        self._averages = {parameter: parameter.detach().clone() for parameter in owners}
        # Parameters of the same optimizers move together; shared ones are a group of their own.
        self._groups: dict[frozenset[str], list[Parameter]] = {}
        for parameter, names in owners.items():
            self._groups.setdefault(frozenset(names), []).append(parameter)
        self._starts: dict[frozenset[str], int] = {}
        self._latest: dict[frozenset[str], int] = {}

    def update(self, stepped: Iterable[str], images: int, charged: int) -> None:
        """Take in the weights that a train step moved.

        Args:
            stepped: the optimizers that it stepped.
            images: charged so far, this train step included.
            charged: what this train step was charged.
        """
        stepping = frozenset(stepped)
        for owners, group in self._groups.items():
            if not stepping & owners:
                continue
            start = self._starts.setdefault(owners, images - charged)
            # Since these parameters last moved, which may be several train steps ago.
            elapsed = images - self._latest.get(owners, start)
            self._latest[owners] = images
            half_life = min(self._half_life_images, SHORTEST_MEMORY * (images - start))
            decay = 0.5 ** (elapsed / half_life)
            get_ema_multi_avg_fn(decay)([self._averages[p] for p in group], group, 0)

    def state(self) -> tuple[list[Tensor], list[Any]]:
        """The averages, and since when and until when each group has been averaged."""
        groups = [
            [sorted(owners), start, self._latest[owners]] for owners, start in self._starts.items()
        ]
        return list(self._averages.values()), groups

    @torch.no_grad()
    def restore(self, averages: Sequence[Tensor], groups: Sequence[Any]) -> None:
        """Go on from what `state` gave, for the same parameters in the same order."""
        for own, saved in zip(self._averages.values(), averages, strict=True):
            own.copy_(saved)
        self._starts = {frozenset(owners): start for owners, start, _ in groups}
        self._latest = {frozenset(owners): latest for owners, _, latest in groups}

    @contextlib.contextmanager
    def swapped_in(self) -> Iterator[None]:
        """A block in which the model's parameters are their averages."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        # The storages change hands: no copy, and the optimizers keep the parameters they know.
        for parameter, average in self._averages.items():
            parameter.data, average.data = average.data, parameter.data
            torch.autograd.graph.increment_version(parameter)
