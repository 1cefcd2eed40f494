"""The suite from Python and from pytest, in the process that asks."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from typing import Any

from genbench.errors import PluginError
from genbench.naming import named
from genbench.registry import Kind
from genbench.testing import kinds
from genbench.testing.finding import Result
from genbench.testing.suite import Suite

Plugin = str | type
Data = str | type | tuple[int, ...]


def contract(
    plugin: Plugin,
    *,
    kind: Kind | None = None,
    options: Mapping[str, Any] | None = None,
    data: Data | None = None,
) -> Callable[[str], None]:
    """A pytest test of everything that the contract asks of a plugin, one test for each promise.

    Two lines of a test file are enough, the first of which imports the class or this module::

        test_my_vae = contract(MyVAE)
        test_small = contract("./mine.py:MyVAE", options={"latent_dim": 2}, data=(3, 48, 48))

    gives ``test_my_vae[sample]``, ``test_my_vae[determinism]`` and so on; ``pytest -k`` picks some
    of them. A test that fails says in three sentences what was promised, what happened and how to
    mend it; one whose promise is not for this plugin is skipped and says why. Tests share one
    trained model, which takes seconds, and run in this process, where a debugger finds them; what
    hangs or ends the process is for ``genbench check``.

    Args:
        plugin: a class that stands at the top of a file, a name, or ``FILE.py:CLASS``.
        kind: ``model``, ``dataset``, ``metric``, ``extractor`` or ``executor``, where the class
            does not show it or several kinds have the name.
        options: of the plugin; the others have their defaults.
        data: what a model is checked on, in place of small made-up images and points: a shape, or
            a data set as ``plugin`` is given.

    Returns:
        The test, to be assigned to a name that begins with ``test_``.

    Raises:
        UsageError: an unknown name.
    """
    import pytest

    kind_found, make = _suite(plugin, kind, options, data)
    suite = functools.cache(make)
    checks = [item.name for item in kinds.checks_of(kind_found)]

    @pytest.mark.parametrize("check", checks)
    def test_contract(check: str) -> None:
        result = suite().result(check)
        if result.state == "wrong":
            pytest.fail("\n".join(map(str, result.findings)), pytrace=False)
        if result.state != "ok":
            pytest.skip(result.note)

    return test_contract


def check(
    plugin: Plugin,
    *,
    kind: Kind | None = None,
    options: Mapping[str, Any] | None = None,
    data: Data | None = None,
) -> list[Result]:
    """Run all checks in this process; the arguments are those of `contract`.

    Returns:
        One result for each check; those whose ``state`` is ``wrong`` have findings.

    Raises:
        UsageError: an unknown name or option.
        PluginError: the plugin cannot be imported.
    """
    return list(_suite(plugin, kind, options, data)[1]().results())


def _suite(
    plugin: Plugin, kind: Kind | None, options: Mapping[str, Any] | None, data: Data | None
) -> tuple[Kind, Callable[[], Suite]]:
    """The kind of a plugin, and what imports it and makes its suite."""
    found = named(plugin, kind) if isinstance(plugin, str) else kinds.of_class(plugin, kind)
    factory = None if isinstance(plugin, str) else plugin

    def make() -> Suite:
        subject = kinds.subject_of(found, options or {}, _text(data), factory)
        with contextlib.suppress(PluginError):
            subject.prepare()
        return Suite(subject, kinds.checks_of(found.kind))

    return found.kind, make


def _text(data: Data | None) -> str | None:
    """Data as another process can read it."""
    if isinstance(data, tuple):
        return "x".join(map(str, data))
    if isinstance(data, type):
        plugin = kinds.of_class(data, "dataset")
        return plugin.target if plugin.is_file else plugin.name
    return data
