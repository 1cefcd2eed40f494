"""Which plugin a name stands for, and of what kind a class is. Nothing heavy here."""

from __future__ import annotations

from typing import Any

from genbench import registry
from genbench.contract import CAPABILITIES
from genbench.errors import UsageError, nearest
from genbench.registry import Kind, Plugin

MARKS: dict[str, Kind] = {
    "train_step": "model",
    "fit": "model",
    "load": "dataset",
    "measure": "metric",
    "fingerprint": "extractor",
    "resolve": "executor",
}
"""By an attribute of a class: the kind of plugin that has it."""


def named(reference: str, kind: Kind | None = None) -> Plugin:
    """The plugin that a name or ``FILE.py:CLASS`` stands for; imports only what is in a file.

    Raises:
        UsageError: nobody has that name, or several kinds have.
    """
    if kind:
        return registry.find(kind, reference)
    if ":" in reference or reference.endswith(".py"):
        found = kind_of(registry.load(registry.find("model", reference)))
        return registry.find(found, reference)
    kinds = [k for k in registry.KINDS if reference in registry.catalogue(k)]
    if len(kinds) > 1:
        titles = " and a ".join(registry.TITLES[k] for k in kinds)
        raise UsageError(f"{reference!r} is the name of a {titles}: add --kind.")
    if not kinds:
        known = {name for k in registry.KINDS for name in registry.catalogue(k)}
        raise UsageError(
            f"There is no plugin {reference!r}. {nearest(reference, known)} "
            "A class of your own is given as FILE.py:CLASS."
        )
    return registry.find(kinds[0], reference)


def kind_of(factory: Any) -> Kind:
    """What kind of plugin a class is, by what it has; a model, where that says nothing."""
    for mark, kind in MARKS.items():
        if hasattr(factory, mark):
            return kind
    # What an extractor's constructor sets, its fingerprint for one, its class does not show.
    plain = not any(hasattr(factory, capability) for capability in CAPABILITIES)
    return "extractor" if plain and {"__call__", "to"} <= {*dir(factory)} else "model"
