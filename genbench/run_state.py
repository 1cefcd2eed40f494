"""What a checkpoint says of its run beside the tensors: rows, history, where it was made."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genbench.checkpoint import Content
from genbench.contract import CurvePoint, History
from genbench.errors import StoreError
from genbench.leaderboard import rows
from genbench.leaderboard.schema import Row

PLAIN = "run"
"""Where it stands in the plain data of a checkpoint."""


@dataclass(frozen=True)
class RunState:
    """A run, as far as it has come."""

    made: Mapping[str, Any]
    """`genbench.leaderboard.rows.HARDWARE_KEY`, and the data set's fingerprint."""
    rows: list[Row]
    """Of the evaluation points that are behind it."""
    history: History
    curve_bytes: int
    """How long ``curve.csv`` was."""

    def as_plain(self) -> dict[str, Any]:
        """As a checkpoint holds it."""
        return {
            PLAIN: {
                "made": dict(self.made),
                "rows": [rows.to_plain(row) for row in self.rows],
                "history": asdict(self.history),
                "curve_bytes": self.curve_bytes,
            }
        }

    @classmethod
    def of(cls, content: Content) -> RunState:
        """What `as_plain` put into a checkpoint.

        Raises:
            StoreError: an earlier genbench did, and left out what is needed now.
        """
        plain = content.plain[PLAIN]
        return cls(
            made=plain["made"],
            rows=[rows.from_plain(row) for row in plain["rows"]],
            history=_history(plain["history"]),
            curve_bytes=plain["curve_bytes"],
        )

    def why_not_here(self, here: Mapping[str, Any]) -> str | None:
        """Why going on here would not give what one go would give; None: it would.

        Args:
            here: what ``made`` would be here, as far as it counts.
        """
        differing = [key for key, value in here.items() if self.made.get(key) != value]
        if not differing:
            return None
        parts = ", ".join(f"{key} {self.made.get(key)}, here {here[key]}" for key in differing)
        return f"A checkpoint was made elsewhere ({parts}): this training begins anew."


def _history(plain: Mapping[str, Any]) -> History:
    if "curve" not in plain:
        raise StoreError(
            "A checkpoint is of an earlier genbench, which did not keep the curve: this training "
            "begins anew."
        )
    # JSON knows no named tuples.
    curve = tuple(CurvePoint(*point) for point in plain["curve"])
    return History(**{**plain, "curve": curve})


def length(path: Path) -> int:
    """Of a file that may be missing, in bytes."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def shorten(path: Path, to_bytes: int) -> None:
    """Take back what was written to a file since."""
    with contextlib.suppress(OSError), path.open("r+b") as file:
        file.truncate(to_bytes)
