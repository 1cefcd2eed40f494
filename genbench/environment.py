"""What a row says of where it was made: device, driver, versions, threads, git."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from genbench.errors import UsageError


def choose_device(wanted: str) -> torch.device:
    """``auto`` (a CUDA device where there is one), ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        UsageError: another name, or a device that this machine or this build of torch lacks.
    """
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise UsageError(
            f"--device {wanted!r} is not auto, cpu, cuda or cuda:N (cuda:0,2 for two)."
        ) from None
    if device.type == "cpu":
        return torch.device("cpu")
    if device.type != "cuda" or not torch.cuda.is_available():
        raise UsageError(
            f"--device {wanted}: torch {torch.__version__} sees no such device here. "
            "genbench doctor says what it sees."
        )
    if (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"--device {wanted}: there are {torch.cuda.device_count()} CUDA devices.")
    return torch.device("cuda", device.index or 0)


def choose_devices(wanted: str) -> list[str]:
    """The names of all devices that ``auto``, ``cpu``, ``cuda`` or ``cuda:0,2`` stands for.

    ``auto`` is every CUDA device, and the CPU where there is none.

    Raises:
        UsageError: another name, or a device that this machine or this build of torch lacks.
    """
    kind, colon, numbers = wanted.partition(":")
    if wanted == "auto" and not torch.cuda.is_available():
        return ["cpu"]
    if wanted in ("auto", "cuda") and torch.cuda.is_available():
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if kind == "cuda" and colon:
        return [str(choose_device(f"cuda:{n}")) for n in dict.fromkeys(numbers.split(","))]
    return [str(choose_device(wanted))]


def warm_up() -> None:
    """Have torch import what it imports when it is first used, which may take seconds."""
    with repeatable(torch.device("cpu"), 1):
        torch.optim.SGD([torch.zeros(1)])


@contextlib.contextmanager
def repeatable(device: torch.device, threads: int) -> Iterator[None]:
    """A block in which the same run on the same device gives the same bits.

    After it threads, flags, default dtype and device, current folder and environment variables are
    what they were.

    What torch has no deterministic kernel for on a CUDA device is named by a warning in the log.
    """
    surroundings = Path.cwd(), dict(os.environ), torch.get_default_dtype()
    # cuBLAS is deterministic only with a fixed workspace; read when its handle is made.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    kept = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.allow_tf32,
        _matmul_precision(),
    )
    used = torch.cuda.current_device() if torch.cuda.is_initialized() else None
    default_device, grad = torch.get_default_device(), torch.is_grad_enabled()
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling fresh memory is for hunting bugs, and costs time in every step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    set_precision("float32")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        # NumPy's BLAS takes every core unless told otherwise: beside other runs it mostly waits.
        # Nor does an autocast of the caller's reach what is trained or measured in here.
        with (
            threadpool_limits(threads),
            # Not set_default_device: what is set in a block of the caller's outlives that block.
            torch.device("cpu") if default_device.type != "cpu" else contextlib.nullcontext(),
            torch.autocast("cpu", enabled=False),
            torch.autocast("cuda", enabled=False)
            if device.type == "cuda"
            else contextlib.nullcontext(),
        ):
            yield
    finally:
        torch.set_num_threads(kept[0])
        torch.use_deterministic_algorithms(kept[1], warn_only=kept[2])
        torch.utils.deterministic.fill_uninitialized_memory = kept[3]  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark = kept[4]
        torch.backends.cudnn.allow_tf32 = kept[5]
        torch.set_float32_matmul_precision(kept[6])
        if used is not None:
            torch.cuda.set_device(used)
        # What a plugin changed for the whole process is no business of the next run.
        os.chdir(surroundings[0])
        os.environ.clear()
        os.environ.update(surroundings[1])
        torch.set_default_dtype(surroundings[2])
        torch.set_grad_enabled(grad)
        if torch.get_default_device() != default_device:
            set_default_device(default_device)


def set_default_device(device: torch.device) -> None:
    """Make it torch's default; for the CPU, which is what there is without one, have none set.

    A default that is set slows every call of torch down, be it the CPU itself.
    """
    torch.set_default_device(None if device.type == "cpu" else device)


def _matmul_precision() -> str:
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError as error:  # torch allows one of its two interfaces at a time
        raise UsageError(
            "A precision was set through torch.backends.….fp32_precision. genbench sets it, and "
            "keeps what was there, through torch.set_float32_matmul_precision, as most libraries "
            f"do: use that, or fp32_precision = 'none', around genbench. torch says: {error}"
        ) from error


def set_precision(precision: str) -> None:
    """Let float32 arithmetic on CUDA round to TF32 for the precision "tf32", and for no other."""
    allowed = precision == "tf32"
    # Not torch's newer fp32_precision: once it is set for one kind of operation, libraries that
    # still read these flags, as most do, raise.
    torch.backends.cudnn.allow_tf32 = allowed
    torch.set_float32_matmul_precision("high" if allowed else "highest")


def describe(device: torch.device) -> dict[str, Any]:
    """Device, driver and versions, as they stand in every row."""
    described: dict[str, Any] = {
        "device": device.type,
        "device_name": _cpu_name() if device.type == "cpu" else torch.cuda.get_device_name(device),
        "driver": None if device.type == "cpu" else _driver(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()}-{platform.machine()}",
    }
    return described


@functools.cache
def installed_distributions() -> Mapping[str, str]:
    """Name and version of everything that is installed; read once a process, for it takes long."""
    # An uninstall that was cut short leaves a folder without metadata, and so without a name.
    whole = (item for item in distributions() if "Name" in item.metadata)
    found = {item.metadata["Name"]: item.version for item in whole}
    return {name: found[name] for name in sorted(found, key=str.casefold)}


def wait_for(device: torch.device) -> None:
    """Wait until the device has done what it was given: on CUDA, work is only queued."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def reset_peak_memory(device: torch.device) -> None:
    """Start counting peak memory anew, as far as the system lets us."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif sys.platform == "linux":
        # Writing 5 resets the peak resident set (proc(5)); it may be forbidden in a sandbox.
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")


def peak_memory_bytes(device: torch.device) -> int:
    """Allocated on a CUDA device; on a CPU the peak resident set of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "linux":
        with contextlib.suppress(OSError, StopIteration, ValueError):
            lines = Path("/proc/self/status").read_text().splitlines()
            peak = next(line for line in lines if line.startswith("VmHWM"))
            return int(peak.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _cpu_name() -> str:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, StopIteration):
            lines = Path("/proc/cpuinfo").read_text().splitlines()
            line = next(line for line in lines if line.startswith("model name"))
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _driver() -> str | None:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
        return done.stdout.splitlines()[0].strip()
    return None
