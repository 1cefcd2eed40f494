"""image-folder against torchvision's ImageFolder and a DataLoader, on the same files."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pytest_benchmark.fixture import BenchmarkFixture

from genbench import data
from genbench.data import DeviceSplit, Order
from genbench.environment import repeatable
from genbench_datasets.image_folder import ImageFolder

IMAGES = 2_000
BATCH = 64
SIZE = 64
ROUNDS = 3
CPU = torch.device("cpu")

SMALLEST_RATIO = {"first epoch": 0.7, "second epoch": 10.0, "first epoch of another run": 2.0}
"""Images per second, of torchvision's."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two thousand training images, JPEG, 192x160, as smooth as photographs are."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for split, n in (("train", IMAGES), ("validation", 4), ("test", 4)):
        for i in range(n):
            path = folder / split / "ab"[i % 2] / f"{i:04}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            coarse = Image.fromarray(rng.integers(0, 256, (20, 24, 3), np.uint8))
            coarse.resize((192, 160), Image.Resampling.BICUBIC).save(path, quality=90)
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of decoded images."""
    monkeypatch.setenv("GENBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def seconds(epoch: Iterator[object]) -> float:
    """What it takes to draw all batches."""
    started = time.perf_counter()
    for _ in epoch:
        pass
    return time.perf_counter() - started


def ours(root: Path) -> tuple[float, float]:
    """Seconds of a run's first epoch, with all that comes before it, and of its second."""
    started = time.perf_counter()
    train = data.load("image-folder", ImageFolder(root=root, size=SIZE), CPU).train
    loading = time.perf_counter() - started
    order = Order(len(train), 0, train.order_device)
    return loading + seconds(epoch(train, order)), seconds(epoch(train, order))


def epoch(train: DeviceSplit, order: Order) -> Iterator[object]:
    for _ in range(IMAGES // BATCH):
        yield train.take(order.draw(BATCH))


def theirs(root: Path) -> tuple[float, float]:
    """The same of a plain loop, with a worker process for each core."""
    from torchvision import datasets, transforms

    workers = len(os.sched_getaffinity(0))
    started = time.perf_counter()
    loader = torch.utils.data.DataLoader(
        datasets.ImageFolder(
            root / "train",
            transforms.Compose(
                [
                    transforms.Resize(SIZE, transforms.InterpolationMode.BICUBIC),
                    transforms.CenterCrop(SIZE),
                    transforms.ToTensor(),
                    transforms.Normalize([0.5] * 3, [0.5] * 3),
                ]
            ),
        ),
        BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=True,
        multiprocessing_context="fork",
    )
    making = time.perf_counter() - started
    return making + seconds(iter(loader)), seconds(iter(loader))


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_images_per_second_against_torchvision_and_a_dataloader(
    benchmark: BenchmarkFixture, root: Path, cache: Path
) -> None:
    ratios: dict[str, list[float]] = {what: [] for what in SMALLEST_RATIO}
    rates: dict[str, list[float]] = {what: [] for what in ("ours", "theirs")}

    def pair() -> None:
        shutil.rmtree(cache, ignore_errors=True)
        first, second = ours(root)
        again, _ = ours(root)
        their_first, their_second = theirs(root)
        ratios["first epoch"].append(their_first / first)
        ratios["second epoch"].append(their_second / second)
        ratios["first epoch of another run"].append(their_first / again)
        rates["ours"].append(IMAGES / second)
        rates["theirs"].append(IMAGES / their_second)

    with repeatable(CPU, threads=1):
        theirs(root)  # files are read from memory by both
        benchmark.pedantic(pair, rounds=ROUNDS)
    medians = {what: statistics.median(found) for what, found in (ratios | rates).items()}
    benchmark.extra_info.update(medians)
    print(
        f"\n{IMAGES:,} JPEGs, second epoch: {medians['ours']:,.0f} images/s, "
        f"torchvision and DataLoader {medians['theirs']:,.0f}"
    )
    for what, least in SMALLEST_RATIO.items():
        print(f"{what}: {medians[what]:.2f} times as fast, at least {least}")
    assert {
        what: medians[what] for what, least in SMALLEST_RATIO.items() if medians[what] < least
    } == {}
