"""How an exception ends a run: its status, and a reason that says where it was raised."""

from __future__ import annotations

import os
import traceback
from bdb import BdbQuit
from pathlib import Path
from types import TracebackType

import torch

from genbench.errors import GenbenchError
from genbench.train import DivergedError


def judge(error: BaseException) -> tuple[str, str]:
    """The status and the reason that an exception ends a run with."""
    if isinstance(error, DivergedError):
        return "diverged", str(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", "It was interrupted."
    text = str(error).partition("\n")[0]
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in text
    ):
        return "out-of-memory", text or "MemoryError"
    if isinstance(error, GenbenchError):
        return "failed", text
    where = _place(error.__traceback__)
    if isinstance(error, BdbQuit | EOFError):
        where += " A run in a worker has no terminal: use --pdb."
    notes = [note for note in getattr(error, "__notes__", ()) if "\n" not in note]
    return "failed", ". ".join([f"{type(error).__name__}: {text}{where}".removesuffix("."), *notes])


def _place(trace: TracebackType | None) -> str:
    """The innermost line that is neither torch's nor genbench's own: the plugin's."""
    frames = traceback.extract_tb(trace)
    # With a separator at the end: a plugin's package may begin with our name.
    own = f"{Path(__file__).parent}{os.sep}"
    torchs = f"{Path(torch.__file__).parent}{os.sep}"
    for frame in reversed(frames):
        if not frame.filename.startswith((own, torchs, "<")):
            return f" ({Path(frame.filename).name}:{frame.lineno} in {frame.name})"
    return ""
