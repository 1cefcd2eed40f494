"""Rows from what is known of a run: its spec, where it ran, and one score or one failure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from genbench.contract import Measurement, NotApplicable, Score, Weights
from genbench.leaderboard.schema import NOT_APPLICABLE, SCHEMA, Row
from genbench.plan import PluginSpec, RunSpec
from genbench.protocol import hash_of

HARDWARE_KEY = ("device", "device_name", "driver", "threads", "runs_per_device", "torch", "python")
"""What scores of the hardware add to their key."""


@dataclass(frozen=True)
class Point:
    """Where on a run's way something was measured."""

    split: str
    fraction: float
    images: int
    weights: Weights


def of_run(spec: RunSpec, environment: Mapping[str, Any], dataset_fingerprint: str | None) -> Row:
    """What all rows of a run share.

    Args:
        spec: the run.
        environment: `genbench.environment.describe` and what else stands in columns of its name.
        dataset_fingerprint: None where the data set was never read.
    """
    return {
        "run_id": spec.run_id,
        "training_id": spec.training_id,
        "model": spec.model.name,
        "model_options": as_json(spec.model.options),
        "model_distribution": spec.model.distribution,
        "model_version": spec.model.version,
        "model_code": spec.model.code,
        "dataset": spec.dataset.name,
        "dataset_options": as_json(spec.dataset.options),
        "dataset_fingerprint": dataset_fingerprint,
        "protocol": spec.protocol.name,
        "protocol_fingerprint": spec.protocol.fingerprint,
        "seed": spec.seed,
        "metrics": json.dumps([metric.name for metric in spec.metrics]),
        "genbench": spec.genbench,
        **environment,
    }


def of_failure(base: Mapping[str, Any], status: str, reason: str) -> Row:
    """The row of a run that did not end well: failure is a result."""
    return {**base, "created": _now(), "status": status, "reason": reason}


def of_score(
    base: Mapping[str, Any],
    point: Point,
    metric: PluginSpec,
    version: str,
    score: Score,
    result: Measurement | NotApplicable,
    extractor: tuple[str, str] | None,
) -> Row:
    """The row of one score.

    Args:
        base: from `of_run`.
        point: where it was measured.
        metric: its spec; ``version`` is the metric's own.
        version: of the metric's numbers.
        score: which of the metric's scores.
        result: its value, or why it has none.
        extractor: name and fingerprint, where the metric uses features.
    """
    name, fingerprint = extractor or (None, None)
    key = {
        "dataset": base["dataset_fingerprint"],
        "protocol": base["protocol_fingerprint"],
        "split": point.split,
        "fraction": point.fraction,
        "weights": point.weights,
        # A metric from a file has no version but its content.
        "metric": [
            metric.name,
            metric.distribution or metric.code,
            version,
            metric.options,
        ],
        "score": score.name,
        "extractor": fingerprint,
    }
    if result.source is not None:
        key["source"] = result.source
    if score.hardware:
        key["hardware"] = [base.get(column) for column in HARDWARE_KEY]
    measured = isinstance(result, Measurement)
    return {
        **base,
        "created": _now(),
        "status": "ok" if measured else NOT_APPLICABLE,
        "reason": None if isinstance(result, Measurement) else result.reason,
        "split": point.split,
        "fraction": point.fraction,
        "images": point.images,
        "weights": point.weights,
        "metric": metric.name,
        "metric_version": version,
        "metric_options": as_json(metric.options),
        "extractor": name,
        "extractor_fingerprint": fingerprint,
        "score": score.name,
        "value": result.value if isinstance(result, Measurement) else None,
        "error": result.error if isinstance(result, Measurement) else None,
        "better": score.better,
        "unit": score.unit,
        "hardware": score.hardware,
        "key": hash_of(key),
    }


OF_A_SCORE = frozenset(
    {
        *("split", "fraction", "images", "weights", "metric", "metric_version", "metric_options"),
        *("extractor", "extractor_fingerprint", "score", "value", "error", "better", "unit"),
        *("hardware", "key"),
    }
)
"""The columns that `of_score` adds to what all rows of a run share."""


def shared(row: Row) -> Row:
    """What a row has in common with all rows of its run, as `of_run` made it."""
    return {column: value for column, value in row.items() if column not in OF_A_SCORE}


def to_plain(row: Row) -> dict[str, Any]:
    """A row as JSON takes it; `from_plain` turns it back."""
    return {**row, "created": row["created"].isoformat()}


def from_plain(row: Mapping[str, Any]) -> Row:
    """A row that has been through JSON, its time a time again."""
    return {**row, "created": datetime.fromisoformat(row["created"])}


def missing_from(known: Iterable[Row], earlier: Iterable[Row]) -> list[Row]:
    """Scores of an earlier try of the same run at points that a later one did not come to.

    What had been measured before stays, also where a later try ends sooner.
    """

    def place(row: Row) -> tuple[Any, ...]:
        return tuple(row.get(k) for k in ("split", "fraction", "weights", "metric", "score"))

    there = {place(row) for row in known}
    return [row for row in earlier if row["metric"] is not None and place(row) not in there]


def digest(rows: Iterable[Row]) -> str:
    """SHA-256 of rows as the leaderboard holds them, wherever it does."""
    lines = (json.dumps([row.get(column) for column in SCHEMA.names], default=str) for row in rows)
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def as_json(options: Mapping[str, Any]) -> str:
    """Options as one canonical text."""
    return json.dumps(dict(options), sort_keys=True)


def _now() -> datetime:
    return datetime.now(UTC)
