"""Scores as a caller reads them: values by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from genbench.errors import nearest
from genbench.leaderboard import score_names
from genbench.leaderboard.schema import Row


class Scores(Mapping[str, float]):
    """Values by score; `errors`, `not_applicable` and `rows` say the rest.

    A name that several metrics have stands as ``METRIC.SCORE``.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = list(rows)
        """As the leaderboard has them (`genbench.leaderboard.schema`)."""
        self.errors: dict[str, float] = {}
        """The metric's own standard errors, where it knows them."""
        self.not_applicable: dict[str, str] = {}
        """Why a score has no value."""
        self._values: dict[str, float] = {}
        titles = score_names.titles((row["metric"], row["score"]) for row in rows)
        for row in rows:
            name = titles[row["metric"], row["score"]]
            if row["value"] is None:
                self.not_applicable[name] = str(row["reason"])
                continue
            self._values[name] = row["value"]
            if row["error"] is not None:
                self.errors[name] = row["error"]

    def __getitem__(self, name: str) -> float:
        if name in self._values:
            return self._values[name]
        raise KeyError(f"{name}: {self.not_applicable.get(name) or nearest(name, self._values)}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Scores({self._values})"
