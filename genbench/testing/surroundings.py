"""The process around a plugin: what it must leave as it found it, looked at and put back."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from genbench import environment

Look = Mapping[str, Any]


def look() -> Look:
    """The process as it is now."""
    return {
        "the default dtype of torch": torch.get_default_dtype(),
        "the default device of torch": torch.get_default_device(),
        "the number of torch's threads": torch.get_num_threads(),
        "whether torch records gradients": torch.is_grad_enabled(),
        "torch's deterministic algorithms": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ),
        "torch.backends.cudnn.benchmark": torch.backends.cudnn.benchmark,
        "torch.backends.cudnn.deterministic": torch.backends.cudnn.deterministic,
        "torch.backends.cudnn.allow_tf32": torch.backends.cudnn.allow_tf32,
        "torch's float32 matmul precision": torch.get_float32_matmul_precision(),
        "torch's anomaly detection": torch.is_anomaly_enabled(),
        "what NumPy does about errors": np.geterr(),
        "the current folder": os.getcwd(),
        "the environment variables": dict(os.environ),
        "the filters of warnings": list(warnings.filters),
        "the handlers of signals": _handlers(),
        "sys.stdout": sys.stdout,
        "sys.stderr": sys.stderr,
        "sys.excepthook": sys.excepthook,
        "whether standard output is open": not sys.stdout.closed,
        "modules": len(sys.modules),
    }


OF_IMPORTS = ("the environment variables", "the filters of warnings", "the handlers of signals")
"""What libraries change when they are imported, which is no fault of who imports them."""


def restore(before: Look) -> list[str]:
    """Put back what has changed since ``before``; say of each what was done to it."""
    now = look()
    done = []
    for name, value in before.items():
        if name == "modules" or _same(value, now[name]):
            continue
        if name in OF_IMPORTS and now["modules"] != before["modules"]:
            continue
        done.append(_sentence(name, value, now[name]))
    if done:
        _put_back(before)
    return done


def _same(a: Any, b: Any) -> bool:
    return bool(a is b or a == b)


def _sentence(name: str, before: Any, now: Any) -> str:
    if name == "the environment variables":
        changed = sorted(k for k in {*before, *now} if before.get(k) != now.get(k))
        return f"changed the environment variables {', '.join(changed)}"
    if name == "the handlers of signals":
        changed = [signal.Signals(n).name for n in before if before[n] != now.get(n)]
        return f"changed the handlers of {', '.join(changed)}"
    if name == "whether standard output is open":
        return "closed sys.stdout"
    if name in ("the filters of warnings", "sys.stdout", "sys.stderr", "sys.excepthook"):
        return f"changed {name}"
    return f"changed {name} from {before} to {now}"


def _put_back(before: Look) -> None:
    torch.set_default_dtype(before["the default dtype of torch"])
    if torch.get_default_device() != before["the default device of torch"]:
        environment.set_default_device(before["the default device of torch"])
    torch.set_num_threads(before["the number of torch's threads"])
    torch.set_grad_enabled(before["whether torch records gradients"])
    deterministic, warn_only = before["torch's deterministic algorithms"]
    torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
    torch.backends.cudnn.benchmark = before["torch.backends.cudnn.benchmark"]
    torch.backends.cudnn.deterministic = before["torch.backends.cudnn.deterministic"]
    torch.backends.cudnn.allow_tf32 = before["torch.backends.cudnn.allow_tf32"]
    torch.set_float32_matmul_precision(before["torch's float32 matmul precision"])
    torch.autograd.set_detect_anomaly(before["torch's anomaly detection"])
    np.seterr(**before["what NumPy does about errors"])
    os.chdir(before["the current folder"])
    os.environ.clear()
    os.environ.update(before["the environment variables"])
    warnings.filters[:] = before["the filters of warnings"]  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]  # else cached verdicts stay
    if threading.current_thread() is threading.main_thread():
        for number, handler in before["the handlers of signals"].items():
            if signal.getsignal(number) != handler:
                signal.signal(number, handler)
    sys.stdout, sys.stderr = before["sys.stdout"], before["sys.stderr"]
    if sys.stdout.closed:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (it stays open)
    sys.excepthook = before["sys.excepthook"]


def _handlers() -> dict[int, Any]:
    # A handler that was not set from Python is None and could not be put back.
    found = {}
    for number in signal.valid_signals():
        with contextlib.suppress(ValueError):
            handler = signal.getsignal(number)
            if handler is not None:
                found[int(number)] = handler
    return found


def streams() -> dict[str, Any]:
    """Where the global random streams stand, by the name of who keeps them."""
    kind, key, *rest = np.random.get_state(legacy=True)
    found = {
        "torch": torch.random.get_rng_state().numpy().tobytes(),
        "numpy": (kind, np.asarray(key).tobytes(), *rest),
        "random": random.getstate(),
    }
    if torch.cuda.is_initialized():
        found["torch.cuda"] = torch.cuda.get_rng_state().numpy().tobytes()
    return found
