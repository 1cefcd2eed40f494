"""The moving average of the weights: kept while training, swapped in to be evaluated."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch
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
        self._parameters = parameters
        self._averages = {p: p.detach().clone() for listed in parameters.values() for p in listed}
        self._starts: dict[str, int] = {}
        self._latest: dict[str, int] = {}
        self._moved: dict[tuple[str, ...], dict[str, list[Parameter]]] = {}

    def update(self, stepped: Iterable[str], images: int, charged: int) -> None:
        """Take in the weights that a train step moved.

        Args:
            stepped: the optimizers that it stepped.
            images: charged so far, this train step included.
            charged: what this train step was charged.
        """
        for name, moved in self._moved_by(tuple(stepped)).items():
            start = self._starts.setdefault(name, images - charged)
            # Since this optimizer's last step, which may be several train steps ago.
            elapsed = images - self._latest.get(name, start)
            self._latest[name] = images
            half_life = min(self._half_life_images, SHORTEST_MEMORY * (images - start))
            if moved:
                decay = 0.5 ** (elapsed / half_life)
                get_ema_multi_avg_fn(decay)([self._averages[p] for p in moved], moved, 0)

    def _moved_by(self, stepped: tuple[str, ...]) -> dict[str, list[Parameter]]:
        """The parameters that these optimizers move, each one once, with the first of them."""
        if stepped not in self._moved:
            first = {p: name for name in reversed(stepped) for p in self._parameters[name]}
            self._moved[stepped] = {
                name: [p for p, owner in first.items() if owner == name] for name in stepped
            }
        return self._moved[stepped]

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
