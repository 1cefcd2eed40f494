"""The training loop, whole on this page: every model under every protocol trains here.

The budget is in real images shown, and updates pay for it: a train step is charged its batch size
times the most updates that any one optimizer made in it, so that five updates looped over one
batch cost what five batches cost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from genbench.average import MovingAverage
from genbench.contract import TrainedBySteps
from genbench.data import DeviceSplit, Order
from genbench.environment import set_precision
from genbench.errors import ContractError, GenbenchError
from genbench.protocol import Protocol
from genbench.step import Stepper
from genbench.streams import seed_global, stream_seed

READ_EVERY = 100
"""Train steps between two readings of the losses: reading them waits for the device."""

Pause = Callable[[], None]
"""Called between two train steps, when the state is whole; what it takes is not charged."""

Listener = Callable[[int, Mapping[str, float]], None]
"""Told the images charged so far and the latest losses, once in a while."""


class DivergedError(GenbenchError):
    """A loss was not finite."""

    def __init__(self, name: str, value: float, images: int) -> None:
        super().__init__(f"The loss {name!r} was {value} at {images:,} images.")
        self.images = images


class Trainer:
    """The training of one model: ``for point in trainer.run(): …`` evaluates as it goes."""

    def __init__(
        self,
        model: TrainedBySteps,
        split: DeviceSplit,
        protocol: Protocol,
        seed: int,
        listener: Listener = lambda images, losses: None,
        pause: Pause = lambda: None,
    ) -> None:
        self.model = model
        self.split = split
        self.protocol = protocol
        self.listener = listener
        self.pause = pause
        self.device = split.device
        seed_global(seed, "training")
        self.step = Stepper(model.optimizers(), protocol.training.images)
        self.average = MovingAverage(
            self.step.parameters, protocol.training.average_half_life_images
        )
        self.order = Order(len(split), stream_seed(seed, "order"), split.order_device)
        self.seconds = 0.0
        self.ever_stepped = False
        self.points_done = 0
        """How many evaluation points are behind it."""
        self.unread: list[tuple[int, dict[str, Tensor]]] = []
        """Losses of the latest train steps, on the device, by the images charged so far."""
        self.between_steps = True
        """Whether the state is whole, and not in the middle of a train step."""

    def run(self) -> Iterator[float]:
        """Train to the end of the budget; yield at each evaluation point, as a share of it."""
        training, step = self.protocol.training, self.step
        autocast = torch.autocast(
            self.device.type, torch.bfloat16, enabled=training.precision == "bfloat16"
        )
        for point in self.protocol.evaluation.points[self.points_done :]:
            set_precision(training.precision)
            while step.images < point * training.images:
                started = time.perf_counter()
                self.between_steps = False
                batch = self.split.take(self.order.draw(training.batch_size))
                self.model.train()
                with autocast:
                    losses = self.model.train_step(batch, step)
                # Kept on the device, where nothing in a step waits for it, and without its graph.
                kept = {**step.losses, **_scalars(losses)}
                stepped = list(step.updates)
                self.ever_stepped |= bool(stepped)
                charged = step.charge(len(batch.x))
                self.average.update(stepped, step.images, charged)
                self.unread.append((step.images, kept))
                if len(self.unread) == READ_EVERY:
                    self.read_losses()
                self.between_steps = True
                self.seconds += time.perf_counter() - started
                self.pause()
            started = time.perf_counter()
            self.read_losses()
            if not self.ever_stepped:
                raise ContractError(
                    "train_step() has not called step() once, so nothing was trained. In place of "
                    "loss.backward() and optimizer.step() it calls step(NAME=loss)."
                )
            set_precision("float32")  # whatever was trained how, all are measured alike
            self.seconds += time.perf_counter() - started
            yield point
            self.points_done += 1

    def read_losses(self) -> None:
        """Wait for the device, hand the latest losses on, and stop at one that is not finite."""
        if not self.unread:
            return
        scalars = [
            loss.reshape(()).to(self.device, torch.float32)
            for _, losses in self.unread
            for loss in losses.values()
        ]
        values = iter(torch.stack(scalars).tolist() if scalars else [])
        latest: dict[str, float] = {}
        for images, losses in self.unread:
            for name in losses:
                latest[name] = next(values)
                if not abs(latest[name]) < float("inf"):
                    raise DivergedError(name, latest[name], images)
        self.unread.clear()
        self.listener(self.step.images, latest)


def _scalars(losses: object) -> dict[str, Tensor]:
    if not isinstance(losses, Mapping):
        raise ContractError(
            f"train_step() must return scalar tensors by name, not {type(losses).__name__}; "
            "an empty dict will do."
        )
    for name, loss in losses.items():
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            raise ContractError(
                f"train_step() must return scalar tensors by name; {name!r} is "
                f"{type(loss).__name__} {loss!r}."
            )
    return {name: loss.detach() for name, loss in losses.items()}
