"""What the experiments on runs share: a tiny run, what it decides, a child process to ruin."""

from __future__ import annotations

import hashlib
import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import genbench
from genbench import checkpoint
from genbench.api import Result
from genbench.leaderboard import store
from genbench.protocol import Protocol

TINY = Protocol.model_validate(
    {
        "name": "tiny",
        "dataset": "toy-squares",
        "metrics": ["toy-distance", "toy-error", "toy-clock"],
        "training": {"images": 80, "batch_size": 20, "average_half_life_images": 100},
        "evaluation": {
            "points": [0.5, 1.0], "samples": 60, "curve_samples": 30, "sampling_chunk": 25,
        },
    }
)  # fmt: skip
"""Four train steps, measured twice on the way: a tenth of a second."""


def tiny_run(results: Path, seed: int = 0, **arguments: Any) -> Result:
    """A run in this process, saved after every train step."""
    fixed: dict[str, Any] = {"protocol": TINY, "device": "cpu", "checkpoint_seconds": 0}
    return genbench.run("toy-ae", results=results, seeds=[seed], **fixed, **arguments)[0]


def everything_of(results: Path, seed: int = 0) -> str:
    """All that the one run of a seed decides: a hash of its weights and its scores."""
    (path,) = results.glob(f"runs/[!.]*-s{seed}-*/run.json")
    record = json.loads(path.read_text())
    assert record["status"] == "ok", record
    content = checkpoint.load(path.with_name("checkpoint.safetensors"), record["checkpoint_sha256"])
    digest = hashlib.sha256()
    for name in sorted(content.tensors):
        digest.update(name.encode() + content.tensors[name].contiguous().numpy().tobytes())
    for row in store.rows_of(store.read(results / "leaderboard")):
        if row["seed"] == seed and not row["hardware"]:
            decided = {k: v for k, v in row.items() if k not in ("created", "git")}
            digest.update(repr(decided).encode())
    assert not list(path.parent.glob("training-*")), "a checkpoint of training was left"
    assert not list(results.rglob("*.tmp")), "a temporary file was left"
    return digest.hexdigest()


def in_a_child(work: Callable[[], str]) -> tuple[int, str]:
    """Exit status of a forked process that does the work, and what the work said."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        tell = os.write  # as it is now: the work may put something else in its place
        code = 0
        try:
            said = work()
        except BaseException:
            said, code = traceback.format_exc(), 1
        tell(writing, said.encode())
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as told:
        said = told.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said
