"""The commit that rows name: of the checkout that a command was given in."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path


def commit_of(folder: Path) -> str | None:
    """The commit of the checkout that a folder lies in, ``-dirty`` if it has changes; or None."""
    if not folder.is_dir():
        return None
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"]
    command += ["--exclude=*"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
        return done.stdout.strip() or None
    return None
