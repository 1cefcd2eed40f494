"""Finds plugins by name: reads entry points, imports one plugin when it is used.

Reading names imports nothing, so that ``genbench list`` is quick and a broken plugin hides no
other. A name that two distributions claim is refused when it is asked for, never guessed.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
import types
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

from genbench.errors import PluginError, UsageError, nearest

Kind = Literal["model", "dataset", "metric", "extractor", "executor"]
KINDS: tuple[Kind, ...] = ("model", "dataset", "metric", "extractor", "executor")
SUITES = "genbench.suites"
"""The group of entry points that name the paths of suite files."""

TITLES: dict[Kind, str] = {kind: kind for kind in KINDS} | {"dataset": "data set"}


@dataclass(frozen=True)
class Plugin:
    """A plugin as its metadata describes it, before it is imported."""

    kind: Kind
    name: str
    target: str
    """``package.module:Object``, or ``path/to/file.py:Object``."""
    distribution: str | None = None
    version: str | None = None

    @property
    def is_file(self) -> bool:
        """Whether it is an object in a file that was given by its path."""
        return self.distribution is None

    @property
    def title(self) -> str:
        """Kind, name and origin, as error messages say it."""
        origin = self.target if self.is_file else f"{self.distribution} {self.version}"
        return f"{TITLES[self.kind]} {self.name!r} ({origin})"


@functools.cache
def catalogue(kind: Kind) -> dict[str, tuple[Plugin, ...]]:
    """Every name of a kind with all who claim it; two for one name is for `find` to refuse."""
    claims: dict[str, list[Plugin]] = {}
    for point in points(f"genbench.{kind}s"):
        claims.setdefault(point.name, []).append(_plugin(kind, point))
    return {name: tuple(claims[name]) for name in sorted(claims)}


def suites() -> dict[str, str]:
    """The names of the suites that distributions bring, with the distribution of each."""
    found = sorted(points(SUITES), key=lambda point: point.name)
    return {point.name: _origin(point) for point in found}


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"


def refresh() -> None:
    """Forget what is installed: a distribution has come or gone in this process's life."""
    catalogue.cache_clear()
    _all_points.cache_clear()


def points(group: str) -> Any:
    """The entry points of a group, as they were when this process first asked, or `refresh` did."""
    return _all_points().select(group=group)


@functools.cache
def _all_points() -> Any:
    # Of all groups: reading the metadata of everything installed takes most of `genbench list`.
    return entry_points()


def _plugin(kind: Kind, point: EntryPoint) -> Plugin:
    distribution = point.dist
    return Plugin(
        kind=kind,
        name=point.name,
        target=point.value,
        distribution=distribution.name if distribution else "unknown",
        version=distribution.version if distribution else "unknown",
    )


def find(kind: Kind, reference: str) -> Plugin:
    """The plugin that a name or ``file.py:Object`` stands for, not yet imported.

    Raises:
        UsageError: nobody, or more than one distribution, offers that name; or no such file.
    """
    path, colon, attribute = reference.rpartition(":")
    if colon and path.endswith(".py"):
        return _in_file(kind, Path(path), attribute)
    claims = catalogue(kind).get(reference, ())
    if len(claims) == 1:
        return claims[0]
    if claims:
        claimants = " and ".join(f"{plugin.distribution} {plugin.version}" for plugin in claims)
        raise UsageError(
            f"The {TITLES[kind]} name {reference!r} is claimed by {claimants}. "
            "Uninstall one of them; genbench does not choose."
        )
    if reference.endswith(".py"):
        raise UsageError(
            f"{reference!r} names a file but no class in it: write {reference}:ClassName."
        )
    raise UsageError(
        f"There is no {TITLES[kind]} {reference!r}. {nearest(reference, catalogue(kind))} "
        f"See: genbench list {kind}s. A class of your own is given as FILE.py:CLASS."
    )


def _in_file(kind: Kind, path: Path, attribute: str) -> Plugin:
    if not path.is_file():
        raise UsageError(f"There is no file {str(path)!r} for the {TITLES[kind]} {attribute!r}.")
    if not attribute.isidentifier():
        raise UsageError(f"{attribute!r} in '{path}:{attribute}' is not a class name.")
    return Plugin(kind=kind, name=attribute, target=f"{path.resolve()}:{attribute}")


_imported: dict[str, str] = {}
"""By top-level package: the hash of its sources when this process imported it."""


def _package(plugin: Plugin) -> str:
    return plugin.target.partition(":")[0].partition(".")[0]


def load(plugin: Plugin) -> Any:
    """Import a plugin's object.

    Raises:
        PluginError: the import failed; names the plugin, its origin and the cause.
        UsageError: a file was imported but has no such class.
    """
    module_name, _, attribute = plugin.target.rpartition(":")
    try:
        if plugin.is_file:
            module = _import_file(Path(module_name))
        else:
            module = importlib.import_module(module_name)
            _imported.setdefault(_package(plugin), code_hash(plugin))
    # SystemExit too: a script's own sys.exit() must not look like ours.
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"The {plugin.title} could not be imported: {type(error).__name__}: {error}"
            f"{_beside(plugin, error)}"
        ) from error
    found = module
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if found is None or (plugin.is_file and not isinstance(found, type)):
        classes = [name for name, item in vars(module).items() if isinstance(item, type)]
        wrong = UsageError if plugin.is_file else PluginError
        raise wrong(
            f"The {plugin.title} is not there: {module_name} has no class {attribute!r}. "
            f"{nearest(attribute, classes)}"
        )
    return found


def _beside(plugin: Plugin, error: BaseException) -> str:
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    file = Path(plugin.target.rpartition(":")[0])
    if not (plugin.is_file and name and (file.parent / f"{name}.py").exists()):
        return ""
    return (
        f". {name}.py lies beside it, but a plugin in a file is that one file, which its rows name "
        "by its hash. Put it all in one file, or make a package of it."
    )


def adopt(module: Any) -> None:
    """Let a file that is imported already stand for itself: it is not run once more."""
    path = Path(module.__file__).resolve()
    sys.modules.setdefault(_file_module_name(path, path.read_bytes()), module)


def _import_file(path: Path) -> Any:
    source = path.read_bytes()
    name = _file_module_name(path, source)
    if name in sys.modules:
        return sys.modules[name]
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        # Compiled here and not through an import loader, whose bytecode cache goes by the second
        # and the size: it would take a quick edit for the old file.
        exec(compile(source, path, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _file_module_name(path: Path, source: bytes) -> str:
    # Keyed by content: an edited file is a new module, also in a process that goes on.
    import hashlib  # here, as below: it takes as long to import as reading all names

    return f"genbench_file_{path.stem}_{hashlib.sha256(source).hexdigest()[:16]}"


def code_hash(plugin: Plugin) -> str:
    """A hash of the Python sources that a plugin came with, without importing it.

    Of the file, or of every ``.py`` of the top-level package: what ran is named by its content,
    so that an edited or reinstalled plugin of an unchanged version is not taken for the old one.
    """
    import hashlib

    module_name = plugin.target.rpartition(":")[0]
    if not plugin.is_file and _package(plugin) in _imported:
        return _imported[_package(plugin)]  # what runs here, whatever the files say by now
    digest = hashlib.sha256()
    if plugin.is_file:
        digest.update(Path(module_name).read_bytes())
        return digest.hexdigest()[:16]
    spec = importlib.util.find_spec(_package(plugin))
    if spec is None:
        return "missing"
    roots = [Path(place) for place in spec.submodule_search_locations or ()]
    files = sorted((p, p.relative_to(root)) for root in roots for p in root.rglob("*.py"))
    if not roots and spec.origin:
        files = [(Path(spec.origin), Path(Path(spec.origin).name))]
    for path, name in files:
        digest.update(f"{name.as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
