"""Published values, held to what the rows of a leaderboard say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from genbench.contract import Weights
from genbench.leaderboard.schema import Row

Verdict = Literal["pass", "fail", "open"]


class Published(BaseModel):
    """A value that a paper gives for what a block of a suite runs."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    metric: str
    score: str
    value: float
    """In the score's own unit: a share, where a paper prints per cent."""
    spread: Annotated[float, Field(ge=0)] | None = None
    """Over the paper's trials, as it is printed."""
    tolerance: Annotated[float, Field(ge=0)]
    """How far from the value the mean over all trials may be."""
    weights: Weights = "average"
    source: str


@dataclass(frozen=True)
class Trials:
    """What a block of a suite asks for, as rows name it: options with all their defaults."""

    model: str
    model_options: Mapping[str, Any]
    dataset: str
    dataset_options: Mapping[str, Any]
    metric_options: Mapping[str, Mapping[str, Any]]
    """By the metric's name."""
    extractor: str | None
    protocol_fingerprint: str
    seeds: tuple[int, ...]
    given: Mapping[str, Any]
    """Those of the model's options that the suite gives, which tell blocks apart."""

    def include(self, row: Row) -> bool:
        """Whether a row is of one of these runs, whatever code it was made with."""
        return (
            row["model"] == self.model
            and row["dataset"] == self.dataset
            and row["protocol_fingerprint"] == self.protocol_fingerprint
            and row["seed"] in self.seeds
            and _same(row["model_options"], self.model_options)
            and _same(row["dataset_options"], self.dataset_options)
        )

    def measured(self, row: Row) -> bool:
        """Whether a score was measured as these runs do."""
        options = self.metric_options.get(row["metric"], {})
        return _same(row["metric_options"], options) and row["extractor"] in (None, self.extractor)


def _same(written: str, options: Mapping[str, Any]) -> bool:
    # Both through JSON, which knows no tuples.
    return bool(json.loads(written) == json.loads(json.dumps(options)))


@dataclass(frozen=True)
class Judged:
    """A published value beside what was obtained."""

    published: Published
    trials: Trials
    values: tuple[float, ...]
    """One for each trial that has ended well, in the order of their seeds."""
    failed: int
    """How many trials ended otherwise."""

    @property
    def mean(self) -> float | None:
        """Over the trials that there are."""
        return fmean(self.values) if self.values else None

    @property
    def spread(self) -> float | None:
        """The sample standard deviation over them; None with fewer than two."""
        return stdev(self.values) if len(self.values) > 1 else None

    @property
    def verdict(self) -> Verdict:
        """Open until all trials have ended; a trial that failed is no pass."""
        if len(self.values) + self.failed < len(self.trials.seeds):
            return "open"
        if self.failed or self.mean is None:
            return "fail"
        # Numbers of a paper are rounded decimals: a sum of floats must not decide at the edge.
        off = abs(self.mean - self.published.value)
        return "pass" if off <= self.published.tolerance + 1e-9 else "fail"


def judge(published: Published, trials: Trials, rows: Iterable[Row]) -> Judged:
    """Hold a published value to the final scores of its trials.

    Of one seed the newest counts, be it a score or a failure. A trial that was interrupted goes on,
    and has not ended; one that ended without this score has failed.
    """
    ended: dict[int, float | None] = {}
    wanted = published.metric, published.score, "test", 1, published.weights
    for row in sorted(rows, key=lambda row: row["created"]):
        if not trials.include(row) or row["status"] == "interrupted":
            continue
        told = row["metric"], row["score"], row["split"], row["fraction"], row["weights"]
        if row["metric"] is None or (told == wanted and trials.measured(row)):
            ended[row["seed"]] = row["value"]
    values = [value for _, value in sorted(ended.items()) if value is not None]
    return Judged(published, trials, tuple(values), len(ended) - len(values))
