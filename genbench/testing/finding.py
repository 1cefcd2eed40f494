"""What a check has to say: findings, and the result that they add up to. Nothing heavy here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

State = Literal["ok", "wrong", "n/a", "skipped"]
"""``n/a``: the promise is not for this plugin. ``skipped``: what it builds on is wrong already."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was promised, in three sentences."""

    happened: str
    mend: str = ""
    """What to do; empty where what happened says it."""
    promised: str = ""
    """The promise of the check, unless another is given."""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.promised, self.happened, self.mend)))


class DoesNotApplyError(Exception):
    """Raised by a check whose promise is not for this plugin; says why not."""


@dataclass(frozen=True)
class Result:
    """What came of one check."""

    check: str
    promise: str
    state: State
    note: str = ""
    """What is worth knowing where nothing is wrong, or why nothing was checked."""
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(
        cls, check: str, promise: str, findings: list[Finding], notes: list[str], why_not: str = ""
    ) -> Result:
        """Findings decide; ``why_not`` counts only where there are none."""
        state: State = "wrong" if findings else "n/a" if why_not else "ok"
        note = "" if findings else why_not or "; ".join(notes)
        completed = tuple(replace(f, promised=f.promised or promise) for f in findings)
        return cls(check, promise, state, note, completed)

    @property
    def blocks(self) -> bool:
        """Whether checks that build on this one have nothing to stand on."""
        return self.state in ("wrong", "skipped")

    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Result:
        """What `plain` gave."""
        findings = tuple(Finding(**finding) for finding in data["findings"])
        return cls(**{**data, "findings": findings})
