"""What is checked: a plugin with its options, and how its code is called while it is watched."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from genbench import options
from genbench.errors import GenbenchError, PluginError, UsageError
from genbench.registry import Plugin
from genbench.testing import surroundings
from genbench.testing.finding import DoesNotApplyError, Finding
from genbench.verdict import judge


class PluginRaisedError(Exception):
    """The plugin raised where it must not: what was called, and what came of it."""

    def __init__(self, call: str, error: BaseException) -> None:
        super().__init__(f"{call}: {error}")
        self.call = call
        self.error = error

    @property
    def finding(self) -> Finding:
        """It in a sentence that names the plugin's line."""
        if isinstance(self.error, GenbenchError):
            return Finding(f"In {self.call}: {self.error}")
        why = judge(self.error)[1].removesuffix(".")
        return Finding(f"{self.call} raised {why}.", _remedy(self.error))


def _remedy(error: BaseException) -> str:
    text = str(error)
    if "does not require grad" in text:
        return (
            "Capabilities and fit run without gradients; what needs them is wrapped in "
            "torch.enable_grad()."
        )
    if "modified by an inplace operation" in text:
        return "Losses of a graph that a step has moved on from are given to one step() together."
    return "A run calls it just so and would end there."


class Subject:
    """A plugin under check.

    Args:
        plugin: where it comes from.
        factory: its class.
        settings: options as given.
        data: what a model is checked on, as text that another process can read; None: made up.
        importable: whether a fresh process can import it.
    """

    def __init__(
        self,
        plugin: Plugin,
        factory: Any,
        settings: Mapping[str, Any],
        data: str | None = None,
        importable: bool = True,
    ) -> None:
        self.plugin = plugin
        self.factory = factory
        self.settings = dict(settings)
        self.data = data
        self.importable = importable
        self.tell: Callable[[str], None] = lambda call: None
        """Told of every call into the plugin before it is made."""
        self.failed: set[str] = set()
        """The checks that have found something."""
        self.disturbed: dict[str, str] = {}
        """What a call did to the process: each sentence, and the call that was first to do it."""

    @property
    def title(self) -> str:
        """Kind, name and origin."""
        return self.plugin.title

    @cached_property
    def options(self) -> dict[str, Any]:
        """Those given and the defaults, as plain data.

        Raises:
            UsageError: one that is unknown, missing or of a wrong type.
            PluginError: a default that cannot be written down.
        """
        return options.resolve(self.title, self.factory, self.settings, self.plugin.name)

    def listed_options(self) -> Iterator[Finding | str]:
        """What the check of options has to say, whatever the kind of plugin."""
        positional = options.by_position(self.factory)[self.plugin.kind == "model" :]
        if positional:
            yield Finding(
                f"The constructor takes {', '.join(positional)} by position, so that nobody can "
                "set it.",
                f"Options stand after a '*': def __init__(self, …, *, {positional[0]}: …).",
            )
        yield ", ".join(f"{name}={value}" for name, value in self.options.items()) or "it has none"

    def prepare(self) -> None:
        """See that what was asked for can be checked: what is wrong here is the user's.

        Raises:
            UsageError: an option or data that is not there, or not of its kind.
            PluginError: as for `options`; a check finds it again.
        """
        if self.data and self.plugin.kind != "model":
            raise UsageError(f"The {self.title} is no model: it is not checked on other data.")
        assert self.options is not None

    def construct(self, *arguments: Any) -> Any:
        """Call the plugin's class as a run does."""
        with self.calling(f"{self.factory.__name__}(…)"):
            try:
                inspect.signature(self.factory).bind(*arguments, **self.options)
            except TypeError as error:
                takes = "a DataSpec first, then " if arguments else ""
                raise PluginError(
                    f"The constructor must take {takes}options after a '*': {error}."
                ) from error
            return options.construct(self.factory, *arguments, options=self.options)

    @contextlib.contextmanager
    def calling(self, call: str) -> Iterator[None]:
        """A block of the plugin's own code: what it raises and what it disturbs is noted.

        Raises:
            PluginRaisedError: in place of anything that it raises.
        """
        self.tell(call)
        before = surroundings.look()
        try:
            yield
        except (Exception, SystemExit) as error:
            raise PluginRaisedError(call, error) from error
        finally:
            for sentence in surroundings.restore(before):
                self.disturbed.setdefault(sentence, call)

    def reference(self) -> dict[str, Any]:
        """It as plain data, from which a fresh process makes it again.

        Raises:
            DoesNotApplyError: none could import it.
        """
        if not self.importable:
            raise DoesNotApplyError(
                f"{self.factory.__qualname__} stands inside a function or another class, where no "
                "fresh process can import it"
            )
        plugin = self.plugin
        return {
            "plugin": [
                plugin.kind,
                plugin.name,
                plugin.target,
                plugin.distribution,
                plugin.version,
            ],
            "settings": self.settings,
            "data": self.data,
        }


def disturbances(subject: Subject) -> Iterator[Finding]:
    """A finding for everything that the subject's calls did to the process."""
    for sentence, call in subject.disturbed.items():
        yield Finding(
            f"{call} {sentence}.",
            "Leave the process as it is found: what is changed for a moment is changed back, with "
            "a context manager.",
        )
