"""The columns of the leaderboard, explicit and versioned: a row per score and evaluation point.

``results/README.md`` documents them in the same words; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

VERSION = 1
"""Rises when a column changes its meaning, its type or its name."""

STATUSES = ("ok", "failed", "diverged", "timed-out", "out-of-memory", "interrupted")
"""How a run can end. A row's status is that of its run, or ``not-applicable``."""

NOT_APPLICABLE = "not-applicable"

EXTERNAL = "external"
"""In place of distribution and code, and of the protocol where none was named, of a model that was
trained elsewhere: only its samples were given."""

SAMPLE_RANGE = "sample-range"
"""The core's own metric, which every run has: the share of sampled values outside [-1, 1]."""


@dataclass(frozen=True)
class Column:
    """One column, with the sentence that documents it."""

    name: str
    type: pa.DataType
    meaning: str
    nullable: bool = True


def _required(name: str, type_: pa.DataType, meaning: str) -> Column:
    return Column(name, type_, meaning, nullable=False)


COLUMNS = (
    _required("run_id", pa.string(), "names the run, its folder and its file here"),
    _required("training_id", pa.string(), "hash of what decides the weights; equal: trained once"),
    _required("created", pa.timestamp("us", tz="UTC"), "when the row was made"),
    _required("status", pa.string(), f"{', '.join(STATUSES)}; or {NOT_APPLICABLE} for one score"),
    Column("reason", pa.string(), "why the status is not ok"),
    _required("model", pa.string(), "name of the model"),
    _required("model_options", pa.string(), "all its options, as JSON"),
    Column(
        "model_distribution",
        pa.string(),
        "distribution that it came from; null: a file; external: only samples were given",
    ),
    Column("model_version", pa.string(), "version of that distribution"),
    _required("model_code", pa.string(), "hash of its Python sources"),
    _required("dataset", pa.string(), "name of the data set"),
    _required("dataset_options", pa.string(), "all its options, as JSON"),
    Column("dataset_fingerprint", pa.string(), "SHA-256 of its content; null: it was never read"),
    _required("protocol", pa.string(), "name of the protocol"),
    _required("protocol_fingerprint", pa.string(), "hash of its training and evaluation sections"),
    _required("seed", pa.int64(), "seed of the run"),
    _required("metrics", pa.string(), "names of all metrics that the run was asked for, as JSON"),
    Column("split", pa.string(), "measured against: validation on the curve, test at the end"),
    Column("fraction", pa.float64(), "share of the budget spent, from 0 to 1"),
    Column("images", pa.int64(), "real images charged so far"),
    Column("weights", pa.string(), "average: moving average (the headline); last: last weights"),
    Column("metric", pa.string(), "name of the metric; null: the run as a whole"),
    Column("metric_version", pa.string(), "version of the metric's numbers"),
    Column("metric_options", pa.string(), "all its options, as JSON"),
    Column("extractor", pa.string(), "extractor of the features; null: none was needed"),
    Column("extractor_fingerprint", pa.string(), "hash of its weights and preprocessing"),
    Column("score", pa.string(), "name of the score"),
    Column("value", pa.float64(), "the value; never NaN, null where the status is not ok"),
    Column("error", pa.float64(), "the metric's own standard error, where it knows one"),
    Column("better", pa.string(), "lower or higher; null: neither is better"),
    Column("unit", pa.string(), "unit of the value"),
    Column("hardware", pa.bool_(), "whether the value depends on the machine"),
    Column("key", pa.string(), "comparability key: only rows with equal keys are compared"),
    _required("device", pa.string(), "cpu or cuda; unknown: the run ended before it had one"),
    Column("device_name", pa.string(), "what the device calls itself"),
    Column("driver", pa.string(), "NVIDIA driver"),
    Column("threads", pa.int64(), "CPU threads of the run"),
    Column("runs_per_device", pa.int64(), "runs that shared the device"),
    Column("torch", pa.string(), "version of PyTorch"),
    Column("python", pa.string(), "version of Python"),
    Column("platform", pa.string(), "operating system and architecture"),
    _required("genbench", pa.string(), "version of genbench"),
    Column("git", pa.string(), "commit of the checkout that the run was started in"),
)

SCHEMA = pa.schema(
    [pa.field(column.name, column.type, column.nullable) for column in COLUMNS],
    metadata={"genbench.schema": str(VERSION)},
)

Row = dict[str, Any]
"""One row as plain data, by column; a column that is left out is null."""
