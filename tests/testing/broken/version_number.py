from __future__ import annotations

from genbench_toys.error import Error as Squared


class VersionNumber(Squared):
    """FAULT: its version is a number."""

    version = 1  # type: ignore[assignment]
