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
    """What a block of a suite asks for, as rows name it."""

    model: str
    model_options: Mapping[str, Any]
    """Those that the suite gives; a row has all."""
    dataset: str
    dataset_options: Mapping[str, Any]
    protocol_fingerprint: str
    seeds: tuple[int, ...]

    def include(self, row: Row) -> bool:
        """Whether a row is of one of these runs, whatever code it was made with."""
        return (
            row["model"] == self.model
            and row["dataset"] == self.dataset
            and row["protocol_fingerprint"] == self.protocol_fingerprint
            and row["seed"] in self.seeds
            and self.model_options.items() <= json.loads(row["model_options"]).items()
            and self.dataset_options.items() <= json.loads(row["dataset_options"]).items()
        )


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
    """Hold a published value to the final scores of its trials; of one seed the newest counts."""
    values: dict[int, float] = {}
    failed: set[int] = set()
    for row in sorted(rows, key=lambda row: row["created"]):
        if not trials.include(row):
            continue
        if row["metric"] is None:
            failed.add(row["seed"])
        elif row["value"] is not None and (
            (row["metric"], row["score"]) == (published.metric, published.score)
            and (row["split"], row["fraction"], row["weights"]) == ("test", 1, published.weights)
        ):
            values[row["seed"]] = row["value"]
    # An interrupted trial goes on; a score wins over an earlier failure of its seed.
    return Judged(
        published,
        trials,
        tuple(values[seed] for seed in sorted(values)),
        len(failed - values.keys()),
    )
