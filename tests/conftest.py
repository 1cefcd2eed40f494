"""Small worlds that most tests share: a tiny protocol, toy plugins, a results folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import genbench
from genbench.api import Result
from genbench.protocol import Protocol
from genbench.registry import refresh

torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a CUDA device where there is none."""
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason="no CUDA device here")
    for item in items:
        if "cuda" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def _forget_plugins() -> Iterator[None]:
    """Entry points are read once a process; a test may bring its own."""
    yield
    refresh()


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own: what is found there is what it put there."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GENBENCH_CACHE", str(folder))
    return folder


@pytest.fixture
def tiny(tiny_protocol: Protocol) -> Protocol:
    """The tiny protocol: what most tests run under."""
    return tiny_protocol


@pytest.fixture(scope="session")
def tiny_protocol() -> Protocol:
    """400 images in 20 steps, evaluated twice on the way: a run takes a tenth of a second."""
    return Protocol.model_validate(
        {
            "name": "tiny",
            "dataset": "toy-squares",
            "metrics": ["toy-distance", "toy-error", "toy-clock"],
            "training": {"images": 400, "batch_size": 20, "average_half_life_images": 100},
            "evaluation": {
                "points": [0.5, 1.0],
                "samples": 60,
                "curve_samples": 30,
                "sampling_chunk": 25,
            },
        }
    )


@pytest.fixture
def tiny_file(tiny: Protocol, tmp_path: Path) -> Path:
    """The same protocol as a file."""
    lines = [
        f'name = "tiny"\ndataset = "{tiny.dataset}"\nmetrics = {list(tiny.metrics)}',
        "[training]\nimages = 400\nbatch_size = 20\naverage_half_life_images = 100",
        "[evaluation]\npoints = [0.5, 1.0]\nsamples = 60\ncurve_samples = 30\nsampling_chunk = 25",
    ]
    path = tmp_path / "tiny.toml"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def run(tiny: Protocol, tmp_path: Path) -> Callable[..., Result]:
    """Run one toy under the tiny protocol, in this process: ``run("toy-ae", seeds=[3])``."""

    def run_one(model: Any, **arguments: Any) -> Result:
        arguments = {"protocol": tiny, "results": tmp_path / "results", **arguments}
        arguments = {"seeds": [0], "device": "cpu", **arguments}
        return genbench.run(model, **arguments)[0]

    return run_one


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the real ``genbench`` in a process and folder of its own."""

    def run_command(
        *arguments: object, input: str | None = None, path: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        environment = dict(os.environ)
        if path is not None:
            environment["PYTHONPATH"] = str(path)
        return subprocess.run(
            [sys.executable, "-m", "genbench", *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            input=input,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run_command


@pytest.fixture
def begin(tmp_path: Path, tiny_file: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Begin the real ``genbench run``, with a budget of hours; return while it goes on."""
    text = tiny_file.read_text().replace("images = 400", "images = 40_000_000")
    tiny_file.write_text(text)
    begun: list[subprocess.Popen[str]] = []

    def begin_command(*arguments: str) -> subprocess.Popen[str]:
        fixed = ("run", "--protocol", str(tiny_file), "--device", "cpu")
        process = subprocess.Popen(
            [sys.executable, "-m", "genbench", *fixed, *arguments],
            cwd=tmp_path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        begun.append(process)
        return process

    yield begin_command
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def distribution(tmp_path: Path) -> Callable[..., Path]:
    """Make an installed distribution by its metadata: returns the folder to put on the path."""

    def make(name: str, entry_points: str, version: str = "1.0", **modules: str) -> Path:
        site = tmp_path / "site"
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(entry_points)
        for module, source in modules.items():
            (site / f"{module}.py").write_text(source)
        return site

    return make
