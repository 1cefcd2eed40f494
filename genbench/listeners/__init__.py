"""Who listens to a run: the core's own listeners and those of plugins, through one door."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Sequence
from typing import Any

import pluggy

from genbench import hookspecs, registry


class Listeners:
    """A pluggy manager whose listeners cannot stop a run.

    Args:
        own: objects or modules with hook implementations.
        plugins: whether those that entry points of the group ``genbench`` name listen too.
    """

    def __init__(self, own: Sequence[object] = (), *, plugins: bool = True) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        for number, listener in enumerate(own):
            self._manager.register(listener, f"{type(listener).__qualname__} #{number}")
        self._manager.check_pending()
        for point in registry.points(hookspecs.PROJECT) if plugins else ():
            origin = f"{point.name} of {point.dist.name if point.dist else 'unknown'}"
            try:
                self._manager.register(point.load(), origin)
                self._manager.check_pending()
            except (Exception, SystemExit):
                self._dismiss(origin)

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call a hook of `genbench.hookspecs`; whoever raises is named and heard no more."""
        caller = getattr(self._manager.hook, hook)
        everyone = {impl.plugin for impl in caller.get_hookimpls()}
        for impl in reversed(caller.get_hookimpls()):
            others = everyone - {impl.plugin}
            try:
                self._manager.subset_hook_caller(hook, others)(**arguments)
            except (Exception, SystemExit):
                self._dismiss(impl.plugin_name)

    def _dismiss(self, name: str) -> None:
        # What a run prints is its log; a terminal that was closed is none.
        with contextlib.suppress(OSError):
            print(f"The listener {name} raised and is heard no more:\n{traceback.format_exc()}")
        if self._manager.has_plugin(name):
            self._manager.unregister(name=name)
