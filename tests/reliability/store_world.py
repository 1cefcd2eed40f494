"""Rows that say which run, try and row they are, so that a reader can tell what went wrong."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from genbench.leaderboard.schema import Row

ROWS = 25
"""Rows of a run, about as many as a run of the quick protocol has."""

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def rows_of(run_id: str, attempt: int = 1, rows: int = ROWS) -> list[Row]:
    """The rows of one try of a run; every one is unlike all others."""
    return [
        {
            "run_id": run_id, "training_id": "t", "created": WHEN, "status": "ok", "model": "toy",
            "model_options": "{}", "model_code": "c", "dataset": "d", "dataset_options": "{}",
            "protocol": "p", "protocol_fingerprint": "f", "seed": attempt, "metrics": "[]",
            "score": f"{run_id}/{attempt}/{number}", "value": attempt + number / rows,
            "images": number, "device": "cpu", "genbench": "0",
        }
        for number in range(rows)
    ]  # fmt: skip


def attempts(table: pa.Table, rows: int = ROWS) -> tuple[dict[str, int], list[str]]:
    """Which try of each run a table has, and what is torn, doubled or made up in it."""
    seen: Counter[tuple[str, int]] = Counter()
    wrong = []
    columns = ("run_id", "seed", "images", "score", "value")
    for run_id, attempt, number, score, value in zip(
        *(table[column].to_pylist() for column in columns), strict=True
    ):
        seen[run_id, attempt] += 1
        if (score, value) != (f"{run_id}/{attempt}/{number}", attempt + number / rows):
            wrong.append(f"{run_id}: made up: {score} {value}")
    found: dict[str, int] = {}
    for (run_id, attempt), count in seen.items():
        if run_id in found:
            wrong.append(f"{run_id}: rows of tries {found[run_id]} and {attempt}")
        if count != rows:
            wrong.append(f"{run_id}: {count} rows of try {attempt}, not {rows}")
        found[run_id] = attempt
    return found, wrong


def report(figures: dict[str, Any], failures: list[str]) -> None:
    """Print figures and failures; end the script."""
    print(", ".join(f"{name} {value}" for name, value in figures.items()))
    for failure in failures[:20]:
        print(f"FAILED: {failure}")
    sys.exit(1 if failures else 0)
