"""A suite: checks in their order, each run once, none on top of one that failed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from genbench import environment
from genbench.errors import GenbenchError, UsageError
from genbench.testing.finding import DoesNotApplyError, Finding, Result
from genbench.testing.subject import PluginRaisedError, Subject

Found: TypeAlias = Iterator[Finding | str]
"""What a check yields: findings, and notes on what is well."""


@dataclass(frozen=True)
class Check:
    """One promise, and the function that holds a plugin to it."""

    name: str
    promise: str
    function: Callable[[Any], Found]
    after: tuple[str, ...]
    """The checks that must have passed for this one to mean anything."""
    knowing: tuple[str, ...] = ()
    """The checks that come before it, however they end."""


def check(*after: str, knowing: tuple[str, ...] = ()) -> Callable[[Callable[[Any], Found]], Check]:
    """Make a check of a function: its name is the check's, its docstring the promise."""

    def made(function: Callable[[Any], Found]) -> Check:
        promise = re.sub(r"\s+", " ", function.__doc__ or "").strip()
        return Check(function.__name__.rstrip("_"), promise, function, after, knowing)

    return made


class Suite:
    """The checks of one subject.

    Args:
        subject: what is checked.
        checks: in the order in which they are told.
        known: results that need not be found again.
    """

    def __init__(
        self, subject: Subject, checks: Sequence[Check], known: Mapping[str, Result] | None = None
    ) -> None:
        self.subject = subject
        self.checks = {item.name: item for item in checks}
        self.begins: Callable[[Check], None] = lambda item: None
        """Told of every check before it is run."""
        self._results: dict[str, Result] = {}
        for result in (known or {}).values():
            self._keep(result)

    def result(self, name: str) -> Result:
        """The result of one check; those that it builds on are run first."""
        if name not in self._results:
            self._keep(self._judged(self.checks[name]))
        return self._results[name]

    def _keep(self, result: Result) -> None:
        self._results[result.check] = result
        if result.state == "wrong":
            self.subject.failed.add(result.check)

    def results(self) -> Iterator[Result]:
        """All results, one after another."""
        for name in self.checks:
            yield self.result(name)

    def _judged(self, item: Check) -> Result:
        for earlier in (*item.after, *item.knowing):
            if self.result(earlier).blocks and earlier in item.after:
                note = f"not checked: see {earlier}"
                return Result(item.name, item.promise, "skipped", note)
        self.begins(item)
        findings: list[Finding] = []
        notes: list[str] = []
        why_not = ""
        try:
            # What one check leaves behind is no business of the next.
            with environment.repeatable(torch.device("cpu"), threads=1):
                for found in item.function(self.subject):
                    if isinstance(found, Finding):
                        findings.append(found)
                    else:
                        notes.append(found)
        except DoesNotApplyError as error:
            why_not = str(error)
        except PluginRaisedError as error:
            findings.append(error.finding)
        except UsageError:
            raise
        except GenbenchError as error:
            findings.append(Finding(str(error)))
        return Result.of(item.name, item.promise, findings, notes, why_not)
