"""A hook module: notes what it hears beside the run."""

from __future__ import annotations

from pathlib import Path

from genbench import hookimpl


@hookimpl
def run_ended(folder: Path, status: str) -> None:
    """Leave a note."""
    (folder / "heard.txt").write_text(f"{status}\n")
