"""Small worlds made without a run: rows of a score; a leaderboard and what is read from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.dataset
import pytest

from genbench.leaderboard import store
from genbench.leaderboard.schema import SCHEMA, Row

Measured = Callable[..., list[Row]]


@pytest.fixture
def measured() -> Measured:
    """Rows of one score, a seed each: ``measured("toy", 1.0, 1.1, protocol="standard")``.

    A value of None is a run that failed. The key follows from what it is made of.
    """

    def rows(model: str, *values: float | None, **columns: Any) -> list[Row]:
        return [_row(model, seed, value, columns) for seed, value in enumerate(values)]

    return rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a leaderboard that there is once something is committed to it."""
    return tmp_path / "leaderboard"


@pytest.fixture
def commit(folder: Path) -> Callable[..., Path]:
    """Commit one row of a run: ``commit("a", value=2.0)``."""

    def commit_one(run_id: str, value: float = 1.0, into: Path = folder) -> Path:
        return store.commit(into, [_row("toy", 0, value, {"run_id": run_id})])

    return commit_one


@pytest.fixture
def values(folder: Path) -> Callable[[], dict[str, float]]:
    """The value of each run as genbench reads them; no run is there twice."""

    def read() -> dict[str, float]:
        rows = store.rows_of(store.read(folder))
        found = {row["run_id"]: row["value"] for row in rows}
        assert len(found) == len(rows)
        return found

    return read


@pytest.fixture
def plainly(folder: Path) -> Callable[[], list[tuple[str, float]]]:
    """Runs and values as those read them who are given the folder and know nothing of genbench."""

    def read() -> list[tuple[str, float]]:
        table = pyarrow.dataset.dataset(folder).to_table(columns=["run_id", "value"])
        return sorted((row["run_id"], row["value"]) for row in table.to_pylist())

    return read


def _row(model: str, seed: int, value: float | None, columns: dict[str, Any]) -> Row:
    row = {
        **dict.fromkeys(SCHEMA.names),
        "run_id": f"{model}-{seed}", "training_id": f"{model}-{seed}", "model": model,
        "created": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seed), "status": "ok",
        "model_options": "{}", "model_code": "c0de", "dataset": "digits", "dataset_options": "{}",
        "dataset_fingerprint": "d" * 64, "protocol": "quick", "protocol_fingerprint": "f" * 16,
        "seed": seed, "metrics": '["fid"]', "split": "test", "fraction": 1.0, "images": 100,
        "weights": "average", "metric": "fid", "metric_version": "1", "metric_options": "{}",
        "extractor": "cnn", "extractor_fingerprint": "e" * 64, "score": "fid", "better": "lower",
        "unit": "", "hardware": False, "device": "cpu", "genbench": "0", "value": value, **columns,
    }  # fmt: skip
    parts = ["dataset_fingerprint", "protocol_fingerprint", "split", "fraction", "weights"]
    parts += ["metric", "metric_version", "metric_options", "score", "extractor_fingerprint"]
    parts += ["device_name", "threads"] if row["hardware"] else []
    row["key"] = row["key"] or " ".join(str(row[part]) for part in parts)
    if value is None and row["status"] == "ok":
        row |= dict.fromkeys(("split", "fraction", "weights", "metric", "score", "key"))
        row |= {"status": "failed", "reason": "RuntimeError: no"}
    return row
