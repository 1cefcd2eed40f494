"""Grids of options: ``NAME.OPTION=VALUE`` texts, and every combination of several values."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from genbench.errors import UsageError


def parse_settings(texts: Iterable[str]) -> dict[str, list[str]]:
    """``NAME.OPTION=VALUE`` texts of ``--set`` as values by ``NAME.OPTION``: a grid.

    Raises:
        UsageError: a text of another form.
    """
    settings: dict[str, list[str]] = {}
    for text in texts:
        target, equals, value = text.partition("=")
        if not equals:
            raise _no_setting(text)
        split_target(target)
        settings.setdefault(target, []).append(value)
    return settings


def split_target(target: str) -> tuple[str, str]:
    """``NAME.OPTION`` as its two parts.

    Raises:
        UsageError: it is of another form.
    """
    name, dot, option = target.rpartition(".")
    if not (dot and name and option):
        raise _no_setting(target)
    return name, option


def combinations(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, dict[str, Any]]]:
    """Every combination of the values of a grid, as options by name of a plugin."""
    combined = []
    for values in itertools.product(*grid.values()):
        settings: dict[str, dict[str, Any]] = {}
        for target, value in zip(grid, values, strict=True):
            name, option = split_target(target)
            settings.setdefault(name, {})[option] = value
        combined.append(settings)
    return combined


def _no_setting(text: str) -> UsageError:
    return UsageError(f"--set {text!r} is not NAME.OPTION=VALUE, as in --set NAME.latent_dim=32.")
