"""What is to be run: a request in names, and the `RunSpec` that it becomes.

A `Request` is checked against names only, so making one imports no plugin. `resolve` imports the
plugins, checks every option and fills in the defaults; it runs where the run will be, in a worker,
so that a plugin that breaks on import takes nothing else with it.
"""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict

from genbench import __version__, options, registry
from genbench.errors import GenbenchError, PluginError, UsageError, nearest
from genbench.protocol import Protocol, hash_of
from genbench.registry import Kind, Plugin

SettingsByName = Mapping[str, Mapping[str, Any]]
"""Options as given, by the name of the plugin they are for."""


class PluginSpec(BaseModel):
    """A plugin, its options and the code that it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    name: str
    target: str
    distribution: str | None
    version: str | None
    code: str
    """`genbench.registry.code_hash`."""
    options: dict[str, Any]
    source: str | None = None
    """What files a data set reads, where its options do not decide that (`Dataset`)."""

    @classmethod
    def of(cls, plugin: Plugin, settings: Mapping[str, Any]) -> PluginSpec:
        """The spec of a plugin with options as given, not yet checked."""
        return cls(
            kind=plugin.kind,
            name=plugin.name,
            target=plugin.target,
            distribution=plugin.distribution,
            version=plugin.version,
            code=registry.code_hash(plugin),
            options=dict(settings),
        )

    @property
    def plugin(self) -> Plugin:
        """Where to import it from."""
        return Plugin(self.kind, self.name, self.target, self.distribution, self.version)

    @property
    def identity(self) -> dict[str, Any]:
        """What makes it what it is; where its file happened to lie is no part of that."""
        # Without a source it is no part: runs have the names that they had before there was one.
        left_out = {"target"} if self.plugin.is_file else set()
        return self.model_dump(exclude=left_out | ({"source"} if self.source is None else set()))

    def make(self, *args: Any) -> Any:
        """Import the plugin and call it with its options.

        Raises:
            PluginError: it cannot be imported, or is not the code that the spec names.
        """
        if (now := registry.code_hash(self.plugin)) != self.code:
            raise PluginError(
                f"The {self.plugin.title} was edited after this run was asked for: its code is "
                f"{now}, no longer {self.code}. Run again for the new code."
            )
        factory = registry.load(self.plugin)
        try:
            inspect.signature(factory).bind(*args, **self.options)
        except TypeError as error:
            takes = "DataSpec first, then " if args else ""
            raise PluginError(
                f"The constructor of the {self.plugin.title} must take {takes}options after a '*': "
                f"{error}."
            ) from error
        return options.construct(factory, *args, options=self.options)


class Request(BaseModel):
    """One run as it was asked for, by names that exist."""

    model_config = ConfigDict(frozen=True)

    model: PluginSpec
    dataset: PluginSpec
    metrics: tuple[PluginSpec, ...]
    extractor: str | None
    """None: the one that the data set names."""
    settings: dict[str, dict[str, Any]]
    protocol: Protocol
    seed: int


class RunSpec(BaseModel):
    """All that decides what a run gives, the machine aside. Frozen; its hash names the run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: PluginSpec
    dataset: PluginSpec
    metrics: tuple[PluginSpec, ...]
    extractor: PluginSpec | None
    protocol: Protocol
    seed: int
    genbench: str = __version__
    problem: str | None = None
    """Why a plugin could not be resolved. Such a run has its options as given, and fails."""

    def with_seed(self, seed: int) -> RunSpec:
        """The same run from another seed."""
        return RunSpec.model_validate(self.model_dump() | {"seed": seed})

    @cached_property
    def training_id(self) -> str:
        """Names what decides the weights: runs that share it need training once."""
        return hash_of(
            {
                "model": self.model.identity,
                "dataset": self.dataset.identity,
                "training": self.protocol.training.model_dump(),
                "seed": self.seed,
                "genbench": self.genbench,
            }
        )

    @cached_property
    def run_id(self) -> str:
        """Names the run, its folder and its file in the leaderboard."""
        identity = hash_of(
            {
                "training": self.training_id,
                "evaluation": self.protocol.evaluation.model_dump(),
                "metrics": [metric.identity for metric in self.metrics],
                "extractor": self.extractor and self.extractor.identity,
            },
            length=12,
        )
        return f"{self.model.name}-{self.dataset.name}-s{self.seed}-{identity}"


def requests(
    *,
    models: Sequence[str],
    protocol: Protocol,
    datasets: Sequence[str] = (),
    metrics: Sequence[str] = (),
    extractor: str | None = None,
    seeds: Sequence[int],
    settings: SettingsByName,
) -> list[Request]:
    """The grid model x data set x seed, every name checked, nothing imported.

    Raises:
        UsageError: an unknown name.
    """
    datasets = datasets or (protocol.dataset,)
    metrics = metrics or protocol.metrics
    by_protocol = protocol.metric_options

    def spec(kind: Kind, reference: str) -> PluginSpec:
        plugin = _named(registry.find(kind, reference))
        given = settings.get(plugin.name, {})
        if kind == "metric":
            given = {**by_protocol.get(plugin.name, {}), **given}
        return PluginSpec.of(plugin, given)

    model_specs = [spec("model", name) for name in _distinct(models)]
    dataset_specs = [spec("dataset", name) for name in _distinct(datasets)]
    metric_specs = tuple(spec("metric", name) for name in _distinct(metrics))
    if extractor is not None:
        registry.find("extractor", extractor)
    # What is given to a plugin stands in its spec; the rest may be for an extractor.
    named = {item.name for item in (*model_specs, *dataset_specs, *metric_specs)}
    extractors = {*registry.catalogue("extractor"), *(settings.keys() - named)}
    return [
        Request(
            model=model,
            dataset=dataset,
            metrics=metric_specs,
            extractor=extractor,
            settings={n: dict(given) for n, given in settings.items() if n in extractors},
            protocol=protocol,
            seed=seed,
        )
        for model, dataset, seed in itertools.product(
            model_specs, dataset_specs, dict.fromkeys(seeds)
        )
    ]


def refreshed(request: Request) -> Request:
    """A request that was written down, with the code of its plugins as it is now."""

    def now(spec: PluginSpec) -> PluginSpec:
        reference = spec.target if spec.plugin.is_file else spec.name
        return PluginSpec.of(registry.find(spec.kind, reference), spec.options)

    return request.model_copy(
        update={
            "model": now(request.model),
            "dataset": now(request.dataset),
            "metrics": tuple(now(metric) for metric in request.metrics),
        }
    )


def resolve(request: Request) -> RunSpec:
    """Import what takes part, check all options and fill in their defaults.

    A plugin that cannot be imported or asked for its options does not keep the other runs from
    being made: the spec says what the problem is, and its run fails by itself.

    Raises:
        UsageError: an option that is unknown, missing, or of the wrong type or range.
    """
    problems: list[str] = []

    def resolved(spec: PluginSpec) -> PluginSpec:
        try:
            return resolved_spec(spec)
        except PluginError as error:
            problems.append(str(error))
            return spec

    model, dataset = resolved(request.model), resolved(request.dataset)
    metrics = tuple(resolved(metric) for metric in request.metrics)
    extractor = None
    if not problems:
        try:
            extractor = _extractor(request, metrics)
        except PluginError as error:
            problems.append(str(error))
    return RunSpec(
        model=model,
        dataset=dataset,
        metrics=metrics,
        extractor=extractor,
        protocol=request.protocol,
        seed=request.seed,
        problem=problems[0] if problems else None,
    )


def unresolved(request: Request, problem: str) -> RunSpec:
    """The spec of a run whose plugins cannot be resolved."""
    return RunSpec(
        model=request.model,
        dataset=request.dataset,
        metrics=request.metrics,
        extractor=None,
        protocol=request.protocol,
        seed=request.seed,
        problem=problem,
    )


def raise_problem(spec: RunSpec) -> NoReturn:
    """Meet the problem of a spec again, where its traceback is seen.

    Raises:
        PluginError: always.
    """
    for plugin in (spec.model, spec.dataset, *spec.metrics):
        resolved_spec(plugin)
    raise PluginError(str(spec.problem))


def check_settings(specs: Iterable[RunSpec], settings: Iterable[str]) -> None:
    """See that every plugin that was given options takes part in some run.

    Args:
        specs: all runs.
        settings: the names of plugins that were given options.

    Raises:
        UsageError: one does not.
    """
    taking_part = set()
    for spec in specs:
        if spec.problem:
            return  # what would have taken part is not known
        everyone = (spec.model, spec.dataset, *spec.metrics, spec.extractor)
        taking_part |= {plugin.name for plugin in everyone if plugin is not None}
    for name in settings:
        if name not in taking_part:
            raise UsageError(
                f"--set {name}.…: no {name!r} takes part in this run. {nearest(name, taking_part)}"
            )


def resolved_spec(spec: PluginSpec) -> PluginSpec:
    """A plugin with all its options, checked; a data set with what it reads.

    Raises:
        PluginError: it cannot be imported or asked.
        UsageError: an option that is unknown, missing, or of the wrong type or range; or files
            that are not there.
    """
    factory = registry.load(spec.plugin)
    resolved = options.resolve(spec.plugin.title, factory, spec.options, spec.name)
    made = spec.model_copy(update={"options": resolved})
    if spec.kind == "dataset" and hasattr(factory, "source"):
        return made.model_copy(update={"source": _source(made)})
    return made


def _source(dataset: PluginSpec) -> str:
    try:
        return str(dataset.make().source())
    except PluginError:
        raise
    except GenbenchError as error:
        # Files that are not there are no failure of a model: nothing is run.
        raise UsageError(f"The {dataset.plugin.title} cannot be read: {error}") from error
    except Exception as error:
        raise PluginError(
            f"The {dataset.plugin.title} could not be asked what it reads: "
            f"{type(error).__name__}: {error}"
        ) from error


def _extractor(request: Request, metrics: Iterable[PluginSpec]) -> PluginSpec | None:
    """The extractor that was asked for or that the data set names, if a metric needs one."""
    named = getattr(registry.load(request.dataset.plugin), "extractor", None)
    name = request.extractor or named
    if name is None or not any(_needs_features(metric) for metric in metrics):
        return None
    plugin = _named(registry.find("extractor", name))
    return resolved_spec(PluginSpec.of(plugin, request.settings.get(plugin.name, {})))


def uses_an_extractor(metric: Any) -> bool:
    """Whether a metric asks for what only an extractor can give."""
    return not {"features", "logits"}.isdisjoint(metric.needs)


def _needs_features(metric: PluginSpec) -> bool:
    try:
        return uses_an_extractor(metric.make())
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(
            f"The {metric.plugin.title} could not be asked what it needs: "
            f"{type(error).__name__}: {error}"
        ) from error


Item = TypeVar("Item")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_name(name: str, title: str) -> None:
    """See that a name can be that of a file and stand in a page: it becomes both.

    Raises:
        UsageError: it could leave a folder or a cell.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise UsageError(
            f"The {title} cannot be used: a name is letters, digits, '.', '_' and '-' "
            "and begins with a letter or digit."
        )


def _named(plugin: Plugin) -> Plugin:
    check_name(plugin.name, plugin.title)
    return plugin


def _distinct(items: Iterable[Item]) -> list[Item]:
    return list(dict.fromkeys(items))
