"""What a plugin changes in the process is named and put back."""

from __future__ import annotations

import os
import random
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.overrides import _get_current_function_mode_stack

from genbench.testing import surroundings


def set_handler() -> None:
    signal.signal(signal.SIGUSR1, lambda *_: None)


CHANGES: dict[str, Callable[[], object]] = {
    "default dtype of torch from torch.float32 to torch.float64": lambda: torch.set_default_dtype(
        torch.float64
    ),
    "default device of torch": lambda: torch.set_default_device("meta"),
    "number of torch's threads": lambda: torch.set_num_threads(3),
    "records gradients": lambda: torch.set_grad_enabled(False),
    "deterministic algorithms": lambda: torch.use_deterministic_algorithms(True),
    "cudnn.benchmark": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "matmul precision": lambda: torch.set_float32_matmul_precision("medium"),
    "anomaly detection": lambda: torch.autograd.set_detect_anomaly(True),
    "NumPy does about errors": lambda: np.seterr(all="raise"),
    "current folder": lambda: os.chdir("/"),
    "environment variables GENBENCH_TEST": lambda: os.environ.update(GENBENCH_TEST="1"),
    "filters of warnings": lambda: warnings.simplefilter("ignore"),
    "handlers of SIGUSR1": set_handler,
    "sys.stdout": lambda: setattr(sys, "stdout", sys.stderr),
    "sys.excepthook": lambda: setattr(sys, "excepthook", print),
}


@pytest.mark.parametrize("named", CHANGES)
def test_a_change_is_named_once_and_undone(named: str) -> None:
    before = surroundings.look()
    CHANGES[named]()
    [sentence] = surroundings.restore(before)
    assert named in sentence
    assert surroundings.restore(before) == []


def test_a_default_device_that_was_undone_is_in_the_way_of_no_later_call() -> None:
    before = surroundings.look()
    torch.set_default_device("meta")
    surroundings.restore(before)
    assert _get_current_function_mode_stack() == []


def test_nothing_is_said_where_nothing_was_changed() -> None:
    before = surroundings.look()
    torch.ones(2) + 1
    assert surroundings.restore(before) == []


def test_what_a_library_changes_when_it_is_imported_is_its_own_affair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "library_of_a_plugin.py").write_text(
        "import warnings; warnings.filterwarnings('ignore', module='library')"
    )
    monkeypatch.syspath_prepend(tmp_path)
    before = surroundings.look()
    with warnings.catch_warnings():
        __import__("library_of_a_plugin")
        assert surroundings.restore(before) == []


@pytest.mark.parametrize(
    ("stream", "draw"),
    [
        ("torch", lambda: torch.rand(1)),
        ("numpy", lambda: np.random.rand()),
        ("random", random.random),
    ],
)
def test_a_draw_moves_the_stream_that_it_is_from_and_no_other(
    stream: str, draw: Callable[[], object]
) -> None:
    before = surroundings.streams()
    draw()
    after = surroundings.streams()
    assert [name for name in before if before[name] != after[name]] == [stream]
