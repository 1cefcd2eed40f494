"""Writes ``curve.csv``: every loss that was read and every score of the curve, as they come."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from genbench.folder import RunFolder
from genbench.hookspecs import hookimpl

HEADER = ("images", "split", "weights", "name", "value")


class CurveWriter:
    """One row per value: images seen, split (``train`` for losses), weights, name, value."""

    def __init__(self) -> None:
        self._path: Path | None = None

    @hookimpl
    def run_started(self, folder: Path) -> None:
        """Find the file; a run that goes on has one."""
        self._path = RunFolder(folder).curve

    @hookimpl
    def progressed(self, images: int, losses: Mapping[str, float]) -> None:
        """Add the losses."""
        self._append([(images, "train", "last", name, value) for name, value in losses.items()])

    @hookimpl
    def evaluated(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add the scores."""
        self._append(
            (row["images"], row["split"], row["weights"], row["score"], row["value"])
            for row in rows
            if row["value"] is not None
        )

    def _append(self, lines: Iterable[Sequence[Any]]) -> None:
        assert self._path is not None
        with self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if file.tell() == 0:
                writer.writerow(HEADER)
            writer.writerows(lines)
