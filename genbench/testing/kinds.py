"""From a name or a class to a subject and the checks for its kind."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import itertools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genbench import registry
from genbench.errors import UsageError
from genbench.naming import kind_of
from genbench.registry import Kind, Plugin
from genbench.testing.subject import Subject
from genbench.testing.suite import Check

SUITES: dict[Kind, str] = {
    "model": "model_suite",
    "dataset": "datasets",
    "metric": "metrics",
    "extractor": "extractors",
    "executor": "executors",
}
"""The module of this package that has ``SUBJECT`` and ``CHECKS`` for a kind."""


def checks_of(kind: Kind) -> Sequence[Check]:
    """The checks for a kind, in their order."""
    checks: Sequence[Check] = _module(kind).CHECKS
    return checks


def _module(kind: Kind) -> Any:
    return importlib.import_module(f"genbench.testing.{SUITES[kind]}")


def subject_of(
    plugin: Plugin, settings: Mapping[str, Any], data: str | None, factory: Any = None
) -> Subject:
    """A subject of a plugin; imports it, unless its class is given.

    Raises:
        PluginError: it cannot be imported.
        UsageError: no such class in the file.
    """
    importable = factory is None or factory.__qualname__.isidentifier()
    loaded = registry.load(plugin) if factory is None else factory
    subject: Subject = _module(plugin.kind).SUBJECT(plugin, loaded, settings, data, importable)
    return subject


def subject_from(reference: Mapping[str, Any]) -> Subject:
    """The subject that `Subject.reference` describes."""
    return subject_of(Plugin(*reference["plugin"]), reference["settings"], reference["data"])


def of_class(factory: type, kind: Kind | None) -> Plugin:
    """The plugin that a class is: by its entry point, its module, or the file it stands in."""
    target = f"{factory.__module__}:{factory.__qualname__}"
    for known in [kind] if kind else registry.KINDS:
        for plugin in itertools.chain.from_iterable(registry.catalogue(known).values()):
            if plugin.target == target:
                return plugin
    kind = kind or kind_of(factory)
    file = inspect.getsourcefile(factory)
    if "." in factory.__module__ and _is_importable(factory.__module__):
        package = factory.__module__.partition(".")[0]
        return Plugin(kind, factory.__name__, target, package, "without an entry point")
    if file is None:
        raise UsageError(f"The class {factory.__qualname__} stands in no file.")
    module = sys.modules.get(factory.__module__)
    if module is not None and Path(file).is_file():
        registry.adopt(module)
    return Plugin(kind, factory.__name__, f"{Path(file).resolve()}:{factory.__qualname__}")


def _is_importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
