"""The protocol: what every run under it has in common, as a small TOML file.

A protocol is data. What it names (data set, metrics) is looked up like anything a user names.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from genbench.errors import UsageError, nearest
from genbench.protocols import shipped


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Training(_Section):
    """What a model may spend, and how it is trained."""

    images: Annotated[int, Field(gt=0)]
    """The budget: real images shown, charged as `genbench.train` says."""
    batch_size: Annotated[int, Field(gt=0)]
    average_half_life_images: Annotated[float, Field(gt=0)]
    """Of the moving average of the weights; never more than 5% of the images seen so far."""
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """Of training; evaluation is always float32."""


class Evaluation(_Section):
    """When and with how many samples a model is measured."""

    points: Annotated[tuple[float, ...], Field(min_length=1)]
    """Shares of the budget, the last is 1: there the curve is measured, on validation."""
    samples: Annotated[int, Field(gt=1)]
    """Samples drawn for the final scores, on the test split."""
    curve_samples: Annotated[int, Field(gt=1)]
    """Samples drawn at each point of the curve."""
    sampling_chunk: Annotated[int, Field(gt=0)]
    """How many samples a model is asked for at once: part of the protocol, since a model's
    arithmetic may depend on it."""

    @field_validator("points")
    @classmethod
    def _rising_shares(cls, points: tuple[float, ...]) -> tuple[float, ...]:
        if list(points) != sorted(set(points)) or points[0] <= 0 or points[-1] != 1:
            raise ValueError("shares of the budget that rise, from above 0 to a last one of 1.0")
        return points


class Protocol(_Section):
    """One protocol; `fingerprint` is what makes two of them comparable."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    version: int = 1
    description: str = ""
    dataset: str
    """The data set of a run that names none."""
    seeds: Annotated[int, Field(gt=0)] = 1
    """How many seeds a run has that says nothing of them."""
    metrics: tuple[str, ...]
    """The metrics of a run that names none."""
    metric_options: dict[str, dict[str, Any]] = {}
    """Options of metrics, by name; part of each metric's own key."""
    training: Training
    evaluation: Evaluation

    @model_validator(mode="after")
    def _options_of_its_own_metrics(self) -> Self:
        for name in self.metric_options:
            if name not in self.metrics:
                raise ValueError(
                    f"metric_options.{name} is for none of its metrics. "
                    f"{nearest(name, self.metrics)}"
                )
        return self

    @property
    def fingerprint(self) -> str:
        """Of what changes the meaning of a score: training and evaluation, no defaults."""
        return hash_of([self.training.model_dump(), self.evaluation.model_dump()])


def hash_of(data: Any, length: int = 16) -> str:
    """A hash of plain data that does not depend on the order of its keys."""
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:length]


def load(reference: str) -> Protocol:
    """Read a protocol by its name or from a ``.toml`` file.

    Raises:
        UsageError: no such protocol, or a key or value that does not belong.
    """
    path = Path(reference) if reference.endswith(".toml") else shipped().get(reference)
    if path is None:
        raise UsageError(
            f"There is no protocol {reference!r}. {nearest(reference, shipped())} "
            "A protocol of your own is given as a .toml file."
        )
    try:
        return Protocol.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UsageError(f"There is no protocol file {reference!r}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"The protocol file {path} cannot be read: {error}.") from None
    except ValidationError as error:
        problems = "\n".join(f"  {_problem(problem)}" for problem in error.errors())
        raise UsageError(f"The protocol file {path} is not a protocol:\n{problems}") from None


def _problem(problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        told = where and problem["type"] != "missing"
        got = f" (got {problem['input']!r})" if told else ""
        return f"{where}: {problem['msg']}{got}".removeprefix(": ")
    *parents, key = problem["loc"]
    sections: dict[str, type[BaseModel]] = {"training": Training, "evaluation": Evaluation}
    section = sections.get(str(parents[0]) if parents else "", Protocol)
    return f"{where}: there is no such key. {nearest(str(key), section.model_fields)}"
