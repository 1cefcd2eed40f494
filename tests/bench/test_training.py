"""genbench's training loop against a plain PyTorch loop over a DataLoader, for the same model."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from genbench import data, plan, protocol, runner
from genbench.contract import Batch
from genbench.data import LoadedData
from genbench.environment import repeatable
from genbench.plan import RunSpec
from genbench.protocol import Protocol
from genbench.train import Trainer

IMAGES = 12_800
ROUNDS = 11


class PlainStep:
    """What an author writes without genbench: zero_grad, backward, step."""

    def __init__(self, optimizers: dict[str, torch.optim.Optimizer]) -> None:
        self.optimizers = optimizers
        self.progress = 0.0
        self.index = 0

    def __call__(self, **losses: Tensor) -> None:
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        last = list(losses)[-1]
        for name, loss in losses.items():
            parameters = [p for g in self.optimizers[name].param_groups for p in g["params"]]
            loss.backward(inputs=parameters, retain_graph=name != last)
        for optimizer in self.optimizers.values():
            optimizer.step()


def plain_loop(model: torch.nn.Module, loaded: LoadedData, batch_size: int) -> Callable[[], None]:
    x = data.to_model(loaded.train.x.cpu())
    assert loaded.train.y is not None
    loader = DataLoader(
        TensorDataset(x, loaded.train.y.cpu()), batch_size, shuffle=True, drop_last=True
    )
    step = PlainStep(dict(model.optimizers()))
    device = loaded.train.x.device

    def train() -> None:
        model.train()
        shown = 0
        while shown < IMAGES:
            for x, y in loader:
                model.train_step(Batch(x.to(device), y.to(device)), step)
                step.index += 1
                shown += len(x)
                if shown >= IMAGES:
                    break

    return train


def genbench_loop(
    model: torch.nn.Module, loaded: LoadedData, budget: Protocol
) -> Callable[[], None]:
    def train() -> None:
        for _ in Trainer(model, loaded.train, budget, seed=0).run():
            pass
        if loaded.train.x.is_cuda:
            torch.cuda.synchronize()

    return train


def compare(benchmark: BenchmarkFixture, device: torch.device) -> float:
    quick = protocol.load("quick")
    training = quick.training.model_copy(update={"images": IMAGES})
    evaluation = quick.evaluation.model_copy(update={"points": (1.0,)})
    budget = quick.model_copy(update={"training": training, "evaluation": evaluation})
    request = plan.requests(models=["ae-gan"], protocol=budget, seeds=[0], settings={})[0]
    spec: RunSpec = plan.resolve(request)
    loaded = data.load(spec.dataset.name, spec.dataset.make(), device)

    plain = plain_loop(runner.make_model(spec, loaded.spec, device), loaded, training.batch_size)
    ours = genbench_loop(runner.make_model(spec, loaded.spec, device), loaded, budget)
    theirs: list[float] = []

    def time_the_other() -> None:
        started = time.perf_counter()
        plain()
        if device.type == "cuda":
            torch.cuda.synchronize()
        theirs.append(time.perf_counter() - started)

    with repeatable(device, threads=1):
        benchmark.pedantic(ours, setup=time_the_other, rounds=ROUNDS, warmup_rounds=1)
    pairs = zip(benchmark.stats.stats.data, theirs[-ROUNDS:], strict=True)
    ratio = statistics.median(our / their for our, their in pairs)
    benchmark.extra_info.update(
        ratio=ratio,
        images_per_second=IMAGES / statistics.median(benchmark.stats.stats.data),
        device=str(device),
    )
    print(f"\ntraining ae-gan on {device}: {ratio:.3f} of a plain DataLoader loop's time")
    return ratio


def test_ae_gan_on_a_cpu_is_no_slower_than_a_plain_loop(benchmark: BenchmarkFixture) -> None:
    assert compare(benchmark, torch.device("cpu")) <= 1.0


@pytest.mark.cuda
def test_ae_gan_on_cuda_is_no_slower_than_a_plain_loop(benchmark: BenchmarkFixture) -> None:
    assert compare(benchmark, torch.device("cuda")) <= 1.0
