"""The protocols that come with genbench, as TOML files."""

from __future__ import annotations

from pathlib import Path


def shipped() -> dict[str, Path]:
    """Their files, by name."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob("*.toml"))}
