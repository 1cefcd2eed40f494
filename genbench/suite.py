"""Which runs are asked for: grids of models, data sets, seeds and options; from TOML, a suite.

::

    protocol = "quick"              # for every block that names no other; likewise
    seeds = 5                       # datasets, metrics, extractor

    [[runs]]
    models = ["first", "second"]

    [[runs]]
    models = ["./mine.py:MyVAE"]    # files are looked for beside the suite
    set."MyVAE.beta" = [0.02, 0.1]  # a list is a grid: one run for each

    [[runs.published]]              # what a paper gives for this block, which is one model then
    metric = "its-metric"
    score = "its-score"
    value = 12.3
    tolerance = 0.5
    source = "Somebody et al. 2020, table 1"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from genbench import plan, protocol, registry
from genbench.errors import UsageError, nearest
from genbench.grid import combinations, split_target
from genbench.leaderboard.published import Published, Trials
from genbench.plan import Request

Count = Annotated[int, Field(ge=1, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**63, strict=True)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1)]


class Grid(BaseModel):
    """Every combination of models, data sets, seeds and values of options: a run each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names, or ``FILE.py:CLASS``."""
    datasets: tuple[str, ...] = ()
    """None: the protocol's; likewise metrics and seeds."""
    protocol: str = "quick"
    metrics: tuple[str, ...] = ()
    extractor: str | None = None
    seeds: Annotated[int, Field(ge=1)] | Annotated[tuple[Seed, ...], Field(min_length=1)] | None = (
        None
    )
    """How many, or which."""
    settings: dict[str, Any] = Field({}, alias="set")
    """Options by ``NAME.OPTION``; a list is a grid of values."""
    published: tuple[Published, ...] = ()
    """Of the one model, data set and choice of options that this is."""

    def requests(self) -> list[Request]:
        """One for each run, names checked, nothing imported.

        Raises:
            UsageError: an unknown name, or no such protocol.
        """
        for target, value in self.settings.items():
            if isinstance(value, list | tuple) and not value:
                raise UsageError(f"{target} has no values: a grid of nothing is no run at all.")
        chosen = protocol.load(self.protocol)
        count = chosen.seeds if self.seeds is None else self.seeds
        values = {
            target: value if isinstance(value, list | tuple) else [value]
            for target, value in self.settings.items()
        }
        found = [
            request
            for settings in combinations(values)
            for request in plan.requests(
                models=self.models,
                datasets=self.datasets,
                protocol=chosen,
                metrics=self.metrics,
                extractor=self.extractor,
                seeds=range(count) if isinstance(count, int) else count,
                settings=settings,
            )
        ]
        # An option of one model makes no new run of another.
        return list({request.model_dump_json(): request for request in found}.values())

    @property
    def trials(self) -> Trials:
        """The runs of this grid, which is of one model, data set and choice of options.

        Raises:
            UsageError: it is of more, or what was published is no score of its metrics.
        """
        requests = self.requests()
        first = requests[0]
        if any(request.model_copy(update={"seed": first.seed}) != first for request in requests):
            raise UsageError(
                "A published value belongs to one model, data set and choice of options; "
                f"this block of runs has more: {', '.join(self.models)}."
            )
        spec = plan.resolve(first)
        if spec.problem:
            raise UsageError(spec.problem)
        metrics = {metric.name: metric for metric in spec.metrics}
        for published in self.published:
            _check_score(published, metrics)
        return Trials(
            model=spec.model.name,
            model_options=spec.model.options,
            dataset=spec.dataset.name,
            dataset_options=spec.dataset.options,
            metric_options={name: metric.options for name, metric in metrics.items()},
            extractor=spec.extractor.name if spec.extractor else None,
            protocol_fingerprint=spec.protocol.fingerprint,
            seeds=tuple(request.seed for request in requests),
            given=first.model.options,
        )

    @property
    def given(self) -> set[str]:
        """The names of plugins that were given options."""
        return {split_target(target)[0] for target in self.settings}


def _check_score(published: Published, metrics: Mapping[str, plan.PluginSpec]) -> None:
    if published.metric not in metrics:
        raise UsageError(
            f"A published value is of the metric {published.metric!r}, which these runs do not "
            f"have. {nearest(published.metric, metrics)}"
        )
    scores = [score.name for score in metrics[published.metric].make().scores]
    if published.score not in scores:
        raise UsageError(
            f"A published value is of the score {published.score!r}, which {published.metric} does "
            f"not give. {nearest(published.score, scores)}"
        )


def find(reference: str) -> Path:
    """The file of a suite: one that a distribution brings, by its name, or any ``.toml``.

    Raises:
        UsageError: there is no such suite.
    """
    if reference.endswith(".toml"):
        return Path(reference)
    for point in registry.points(registry.SUITES):
        if point.name == reference:
            return Path(point.load())
    raise UsageError(
        f"There is no suite {reference!r}. {nearest(reference, registry.suites())} "
        "A suite of your own is given as a .toml file, a model as --model NAME."
    )


_KEYS = [field.alias or name for name, field in Grid.model_fields.items()]


def load(path: Path, overrides: dict[str, Any]) -> list[Grid]:
    """Read the grids of a suite file.

    Args:
        path: of the file.
        overrides: fields of `Grid` that hold for all of them, whatever the file says; options
            are added to its own.

    Raises:
        UsageError: the file cannot be read, or a key or value does not belong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"There is no suite file {str(path)!r}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"The suite file {path} cannot be read: {error}.") from None
    blocks = content.pop("runs", None)
    if not isinstance(blocks, list) or not blocks:
        raise UsageError(f"The suite file {path} has no runs: it needs a [[runs]] with models.")
    content.pop("description", None)
    return [_grid(path, number, content, block, overrides) for number, block in enumerate(blocks)]


def _grid(
    path: Path, number: int, shared: dict[str, Any], block: Any, overrides: dict[str, Any]
) -> Grid:
    if not isinstance(block, dict):
        raise UsageError(f"The suite file {path} is no suite: runs[{number}] is {block!r}.")
    fields = {**shared, **block, **overrides}
    fields["set"] = {
        target: value
        for given in (shared, block, overrides)
        for target, value in _flat(path, given.get("set", {})).items()
    }
    for key in ("models", "datasets", "metrics"):
        if isinstance(fields.get(key), list):
            fields[key] = [_beside(path, item) for item in fields[key]]
    for key in ("protocol", "extractor"):
        if key in fields and key not in overrides:
            fields[key] = _beside(path, fields[key])
    try:
        grid = Grid.model_validate(fields)
        own = Grid.model_validate({**fields, "set": _flat(path, block.get("set", {}))})
    except ValidationError as error:
        told = dict.fromkeys(_problem(one) for one in error.errors())
        problems = "\n".join(f"  runs[{number}].{one}" for one in told)
        raise UsageError(f"The suite file {path} is no suite:\n{problems}") from None
    models = {model.rpartition(":")[2] for model in grid.models}
    for name in own.given & registry.catalogue("model").keys() - models:
        raise UsageError(
            f"The suite file {path}: runs[{number}] has options for {name!r}, which is none of its "
            f"models. {nearest(name, models)}"
        )
    return grid


def _flat(path: Path, options: Any) -> dict[str, Any]:
    """Options by ``NAME.OPTION``, also where TOML has them in a table for each name."""
    if not isinstance(options, dict):
        raise UsageError(f"The suite file {path} is no suite: set is {options!r}, not a table.")
    flat: dict[str, Any] = {}
    for name, value in options.items():
        inner = value.items() if isinstance(value, dict) else ()
        flat |= {f"{name}.{option}": v for option, v in inner} or {name: value}
    return flat


def _beside(path: Path, reference: Any) -> Any:
    """A file that a suite names, from where the suite lies; names of plugins as they are."""
    if not isinstance(reference, str):
        return reference
    file, colon, attribute = reference.rpartition(":")
    if colon and file.endswith(".py"):
        return f"{path.parent / file}:{attribute}"
    return str(path.parent / reference) if reference.endswith(".toml") else reference


def _problem(problem: Any) -> str:
    where = str(problem["loc"][0])
    if where == "published":
        where = ".".join(str(part) for part in problem["loc"])
        return f"{where}: {problem['msg']}"
    if where == "seeds":
        return f"seeds: a number from 1, or a list of seeds from 0 (got {problem['input']!r})"
    if problem["type"] == "tuple_type":
        return f"{where}: a list, as in [{problem['input']!r}] (got {problem['input']!r})"
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{where}: there is no such key. {nearest(where, _KEYS)}"
    got = "" if problem["type"] == "missing" else f" (got {problem['input']!r})"
    return f"{where}: {problem['msg']}{got}"


def names(grids: Iterable[Grid]) -> set[str]:
    """The names of all plugins that were given options."""
    return {name for grid in grids for name in grid.given}
