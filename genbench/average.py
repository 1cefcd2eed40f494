"""The moving average of the weights: kept while training, swapped in to be evaluated."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

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
        parameters: by optimizer; one that two optimizers share is averaged with the first.
        half_life_images: after how many images a weight counts half.
    """

    def __init__(
        self, parameters: Mapping[str, Sequence[Parameter]], half_life_images: float
    ) -> None:
        self._half_life_images = half_life_images
        self._parameters: dict[str, list[Parameter]] = {}
        seen: set[Parameter] = set()
        for name, listed in parameters.items():
            self._parameters[name] = [p for p in dict.fromkeys(listed) if p not in seen]
            seen.update(listed)
        self._averages = {
            name: [p.detach().clone() for p in owned] for name, owned in self._parameters.items()
        }
        self._images = dict.fromkeys(self._parameters, 0)

    def update(self, stepped: Iterable[str], images: int) -> None:
        """Take in the weights of the optimizers that stepped, ``images`` after the last time."""
        for name in stepped:
            self._images[name] += images
            half_life = min(self._half_life_images, SHORTEST_MEMORY * self._images[name])
            decay = 0.5 ** (images / half_life)
            average = get_ema_multi_avg_fn(decay)
            average(self._averages[name], self._parameters[name], 0)

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
        for name, owned in self._parameters.items():
            averages: list[Tensor] = self._averages[name]
            for position, parameter in enumerate(owned):
                current = parameter.data
                parameter.data = averages[position]
                averages[position] = current
                torch.autograd.graph.increment_version(parameter)
