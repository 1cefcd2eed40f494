"""Checks for data sets: what they hold, and that it is the same every time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genbench import data, registry
from genbench.data import LoadedData
from genbench.errors import ContractError, GenbenchError, UsageError
from genbench.plan import PluginSpec
from genbench.streams import seed_global
from genbench.testing import fresh, surroundings
from genbench.testing.dataset_subject import DatasetSubject
from genbench.testing.finding import DoesNotApplyError, Finding
from genbench.testing.manifolds import manifold
from genbench.testing.subject import disturbances
from genbench.testing.suite import Found, check

FEW_LEVELS = 128
"""Up to so many values are looked at for a grid: above it is what a photograph has anyway."""


SUBJECT = DatasetSubject


@check()
def options(subject: DatasetSubject) -> Found:
    """Options stand after a '*', have types that text is read as and defaults that a row holds."""
    yield from subject.listed_options()


@check("options")
def splits(subject: DatasetSubject) -> Found:
    """load() gives three splits of one kind; none is empty, and no example is in two of them."""
    loaded = subject.loaded
    sizes = ", ".join(f"{len(part):,} {part.name}" for part in _parts(loaded))
    spec = loaded.spec
    yield f"{sizes}; {spec.kind} of shape {'x'.join(map(str, spec.shape))}"


@check("splits")
def fingerprint(subject: DatasetSubject) -> Found:
    """The content is the same every time: at any seed, and in a fresh process."""
    again = subject.load(seed=1)
    if again.fingerprint != subject.loaded.fingerprint:
        yield Finding(
            f"Loaded once more, with the global random streams elsewhere, {_moved(subject, again)} "
            "was another.",
            "Draw from a generator of its own with a fixed seed: torch.Generator().manual_seed(0).",
        )
        return
    there = fresh.call(subject, _fingerprint)
    if there != subject.loaded.fingerprint:
        yield Finding(
            "In a fresh process the content was another.",
            "Do not depend on the order of a set or of files in a folder, on hash(), or on time.",
        )
    yield subject.loaded.fingerprint[:16]


def _fingerprint(subject: DatasetSubject) -> str:
    return subject.load(seed=2).fingerprint


def _moved(subject: DatasetSubject, again: LoadedData) -> str:
    pairs = zip(_parts(subject.loaded), _parts(again), strict=True)
    names = [a.name for a, b in pairs if not _equal(a.x, b.x) or not _equal(a.y, b.y)]
    return f"the content of {', '.join(names)}"


def _equal(a: Tensor | None, b: Tensor | None) -> bool:
    return a is b or (a is not None and b is not None and torch.equal(a, b))


def _parts(loaded: LoadedData) -> list[data.DeviceSplit]:
    return [loaded.train, loaded.validation, loaded.test]


@check("fingerprint")
def source(subject: DatasetSubject) -> Found:
    """source(), if it has one, is a text, the same every time, and load() is as without it."""
    dataset = subject.construct()
    if getattr(dataset, "source", None) is None:
        raise DoesNotApplyError("it has none: its options decide what it reads")
    own = _source(subject, dataset)
    if not isinstance(own, str) or not own:
        yield Finding(f"It gave {own!r}.", "It is a text: a hash of the files' content.")
        return
    if subject.loaded_by(dataset).fingerprint != subject.loaded.fingerprint:
        yield Finding(
            "What load() gave after it was another content.",
            "A run may ask for it or not: it leaves everything as it is.",
        )
    asked: tuple[Callable[[], Any], ...] = (
        lambda: _source(subject, dataset, seed=1),
        lambda: _source(subject, subject.construct()),
        lambda: fresh.call(subject, _source_there),
    )
    for again in asked:
        other = again()
        if other != own:
            yield Finding(
                f"It was {own!r} and then {other!r}, and no file had changed.",
                "Hash the content of files with hashlib: no hash(), no id(), no time, no path.",
            )
            return
    yield own[:16]


def _source(subject: DatasetSubject, dataset: Any, seed: int = 0) -> Any:
    seed_global(seed, "plugins")
    with subject.calling("source()"):
        return dataset.source()


def _source_there(subject: DatasetSubject) -> Any:
    return str(_source(subject, subject.construct()))


@check("splits")
def labels(subject: DatasetSubject) -> Found:
    """Every class that a label may name has training examples."""
    classes = subject.loaded.spec.classes
    if not classes:
        raise DoesNotApplyError("it has no labels")
    counts = {
        part.name: torch.bincount(part.y, minlength=classes)
        for part in _parts(subject.loaded)
        if part.y is not None
    }
    missing = (counts["train"] == 0).nonzero().flatten().tolist()
    if missing:
        yield Finding(
            f"The training split has no example of {_named(missing)} of {classes}.",
            "classes counts the classes that labels name; splits are drawn from each of them, not "
            "cut from data that is sorted.",
        )
        return
    for name, count in counts.items():
        absent = (count == 0).nonzero().flatten().tolist()
        if absent:
            yield f"{name} has no example of {_named(absent)}"
    yield f"{classes} classes"


def _named(classes: list[int]) -> str:
    listed = ", ".join(map(str, classes[:5])) + (", …" if len(classes) > 5 else "")
    return f"class {listed}" if len(classes) == 1 else f"classes {listed}"


@check("splits")
def levels(subject: DatasetSubject) -> Found:
    """levels says how many values a number takes, evenly over its range; None if continuous."""
    spec = subject.loaded.spec
    x = torch.cat([part.x.flatten() for part in _parts(subject.loaded)])
    if spec.kind == "points":
        if spec.levels is not None and len(x.unique()) > spec.levels:
            yield Finding(
                f"levels = {spec.levels}, but its points take {len(x.unique()):,} values.",
                "levels = None for points, which are continuous.",
            )
        return
    found = x.unique()
    if spec.levels is None or not 2 <= spec.levels <= 256:
        yield Finding(
            f"levels = {spec.levels}, but a pixel takes from 2 to 256 values.",
            f"levels = {_grid(found) or 256}.",
        )
        return
    if spec.levels < 256 and not _on_grid(found, spec.levels):
        yield Finding(
            f"levels = {spec.levels}, but its pixels take {len(found)} values that are not "
            f"{spec.levels} even ones from 0 to 255.",
            "At rest the value k of L is round(k * 255 / (L - 1)).",
        )
        return
    grid = _grid(found)
    if grid is not None and grid < spec.levels:
        yield Finding(
            f"levels = {spec.levels}, but its pixels take only values of {grid} even levels.",
            f"levels = {grid}: likelihoods are measured on data that was dequantised by it.",
        )
        return
    yield f"{len(found)} of {spec.levels} values occur"


def _on_grid(values: Tensor, levels: int) -> bool:
    """Whether uint8 values are, to rounding, ``levels`` even ones from 0 to 255."""
    step = 255 / (levels - 1)
    nearest = (values.double() / step).round() * step
    return bool((nearest - values.double()).abs().max() < 1)


def _grid(values: Tensor) -> int | None:
    """The fewest even levels that all values lie on, where that cannot be by chance."""
    if not 2 <= len(values) <= FEW_LEVELS:
        return None
    # Of fewer than half of a grid nothing can be said.
    candidates = range(len(values), min(2 * len(values), FEW_LEVELS) + 1)
    return next((n for n in candidates if 255 / (n - 1) > 3 and _on_grid(values, n)), None)


@check("splits")
def extractor(subject: DatasetSubject) -> Found:
    """The extractor that it names is there and takes its examples."""
    name = subject.construct().extractor
    if name is None:
        raise DoesNotApplyError("it names none")
    try:
        plugin = registry.find("extractor", name)
    except UsageError as error:
        yield Finding(str(error), "Depend on the distribution that has it, or extractor = None.")
        return
    x = subject.loaded.test.x[:2].clone()
    with subject.calling(f"the extractor {name!r}"), torch.no_grad():
        try:
            features = PluginSpec.of(plugin, {}).make()(x)
        except ValueError as error:
            raise ContractError(f"The extractor {name!r} does not take its data: {error}") from None
        except GenbenchError as error:
            features = None
            why = str(error)
    yield f"{name}, {features.shape[1]} features" if features is not None else f"not tried: {why}"


@check("options", knowing=("splits", "source", "manifold"))
def surroundings_(subject: DatasetSubject) -> Found:
    """load() leaves the process as it was: seeds, default dtype, threads, flags, folder."""
    after: list[dict[str, Any]] = []
    if "splits" not in subject.failed:
        for seed in (0, 1):
            subject.load(seed)
            after.append(surroundings.streams())
        for stream, state in after[0].items():
            if after[1][stream] == state:
                yield Finding(
                    f"load() puts the global stream of {stream} to one place, whatever its seed "
                    "was.",
                    "Draw from a generator of its own: torch.Generator().manual_seed(0).",
                )
    yield from disturbances(subject)


CHECKS = (
    options,
    splits,
    fingerprint,
    source,
    labels,
    levels,
    manifold,
    extractor,
    surroundings_,
)
