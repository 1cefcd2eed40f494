"""The loop: budget, order of events, losses, divergence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from genbench.contract import Batch, Examples, Step
from genbench.data import DeviceSplit
from genbench.errors import ContractError
from genbench.protocol import Protocol
from genbench.train import DivergedError, Trainer


class Recorder(nn.Module):
    """Makes ``updates`` updates a step and notes what it sees."""

    def __init__(self, updates: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.updates = updates
        self.progress: list[float] = []
        self.modes: list[bool] = []
        self.seen: list[Tensor] = []

    def optimizers(self) -> dict[str, SGD]:
        return {"all": SGD([self.weight], 0.1)}

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        self.progress.append(step.progress)
        self.modes.append(self.training)
        self.seen.append(batch.x)
        self.eval()
        for _ in range(self.updates):
            step(all=(batch.x * self.weight).mean())
        return {"weight": self.weight.sum()}


@pytest.fixture
def split() -> DeviceSplit:
    x = torch.arange(60.0)[:, None].expand(60, 2).contiguous()
    return DeviceSplit("train", Examples(x), torch.device("cpu"))


def trainer(model: Any, split: DeviceSplit, protocol: Protocol, **arguments: Any) -> Trainer:
    return Trainer(model, split, protocol, 0, **arguments)


def test_the_budget_is_spent_and_the_curve_measured_where_the_protocol_says(
    split: DeviceSplit, tiny: Protocol
) -> None:
    model = Recorder()
    training = trainer(model, split, tiny)
    assert [(point, training.step.images) for point in training.run()] == [(0.5, 200), (1.0, 400)]
    assert len(model.progress) == 20
    assert model.progress[0] == 0
    assert model.progress == sorted(model.progress)


def test_five_updates_on_a_batch_cost_what_five_batches_cost(
    split: DeviceSplit, tiny: Protocol
) -> None:
    model = Recorder(updates=5)
    list(trainer(model, split, tiny).run())
    assert len(model.progress) == 20 / 5


def test_a_model_that_never_steps_has_not_been_trained(split: DeviceSplit, tiny: Protocol) -> None:
    class Idle(Recorder):
        def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
            loss = self.weight.sum()
            loss.backward()
            return {"loss": loss}

    with pytest.raises(ContractError, match=r"has not called step\(\) once.*loss\.backward\(\)"):
        list(trainer(Idle(), split, tiny).run())


def test_tf32_is_for_training_alone(split: DeviceSplit, tiny: Protocol) -> None:
    class Looking(Recorder):
        def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
            allowed.add(torch.backends.cudnn.allow_tf32)
            return super().train_step(batch, step)

    allowed: set[bool] = set()
    training = tiny.training.model_copy(update={"precision": "tf32"})
    for _ in trainer(Looking(), split, tiny.model_copy(update={"training": training})).run():
        assert not torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "highest"
    assert allowed == {True}


def test_bfloat16_is_for_training_alone(split: DeviceSplit, tiny: Protocol) -> None:
    class Looking(Recorder):
        def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
            dtypes.add((batch.x @ self.weight).dtype)
            return super().train_step(batch, step)

    dtypes: set[torch.dtype] = set()
    training = tiny.training.model_copy(update={"precision": "bfloat16"})
    for _ in trainer(Looking(), split, tiny.model_copy(update={"training": training})).run():
        assert (torch.ones(1, 2) @ torch.ones(2)).dtype == torch.float32
    assert dtypes == {torch.bfloat16}


def test_train_mode_is_set_before_every_step(split: DeviceSplit, tiny: Protocol) -> None:
    model = Recorder()
    list(trainer(model, split, tiny).run())
    assert all(model.modes)


def test_every_example_is_shown_equally_often(split: DeviceSplit, tiny: Protocol) -> None:
    model = Recorder()
    list(trainer(model, split, tiny).run())
    shown = torch.cat(model.seen)[:360, 0].int().bincount()
    assert shown.tolist() == [6] * 60


def test_losses_reach_the_listener_with_the_images_seen(split: DeviceSplit, tiny: Protocol) -> None:
    heard: list[tuple[int, Mapping[str, float]]] = []
    list(trainer(Recorder(), split, tiny, listener=lambda i, ls: heard.append((i, ls))).run())
    assert [images for images, _ in heard] == [200, 400]
    assert heard[0][1].keys() == {"all", "weight"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_not_finite_stops_the_run_and_says_when(
    split: DeviceSplit, tiny: Protocol, value: float
) -> None:
    class Diverging(Recorder):
        def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
            losses = super().train_step(batch, step)
            return {"bad": torch.tensor(value)} if step.index == 7 else losses

    with pytest.raises(DivergedError, match=f"The loss 'bad' was {value} at 160 images") as caught:
        list(trainer(Diverging(), split, tiny).run())
    assert caught.value.images == 160


def test_a_loss_that_was_stepped_on_but_not_returned_is_watched_too(
    split: DeviceSplit, tiny: Protocol
) -> None:
    class Silent(Recorder):
        def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
            step(all=(self.weight / 0).sum())
            return {}

    with pytest.raises(DivergedError, match="The loss 'all' was inf at 20 images"):
        list(trainer(Silent(), split, tiny).run())


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ({"loss": 0.5}, "'loss' is float 0.5"),
        ({"loss": torch.zeros(3)}, "'loss' is Tensor"),
        (None, "not NoneType; an empty dict will do"),
    ],
)
def test_what_train_step_must_not_return_is_named(
    split: DeviceSplit, tiny: Protocol, returned: Any, message: str
) -> None:
    class Wrong(Recorder):
        def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
            return returned  # type: ignore[no-any-return]

    with pytest.raises(ContractError, match=f"must return scalar tensors by name.*{message}"):
        list(trainer(Wrong(), split, tiny).run())


def test_losses_are_kept_without_the_graphs_that_they_came_from(
    split: DeviceSplit, tiny: Protocol
) -> None:
    training = trainer(Recorder(), split, tiny)
    kept: list[bool] = []
    real = training.read_losses

    def look() -> None:
        kept.extend(loss.requires_grad for _, ls in training.unread for loss in ls.values())
        real()

    training.read_losses = look  # type: ignore[method-assign]
    list(training.run())
    assert kept
    assert not any(kept)


def test_nothing_in_a_step_waits_for_the_device(
    split: DeviceSplit, tiny: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a CPU nothing waits, but what would on a CUDA device can be counted: reading a value.
    reads = []
    for name in ("item", "tolist", "__bool__", "__float__", "__int__", "numpy"):
        real = getattr(Tensor, name)

        def counted(self: Tensor, *args: Any, _real: Any = real, _name: str = name) -> Any:
            reads.append(_name)
            return _real(self, *args)

        monkeypatch.setattr(Tensor, name, counted)
    list(trainer(Recorder(), split, tiny).run())
    assert reads == ["tolist", "tolist"]  # the losses, once before each evaluation
