"""Fresh processes take seconds each: most tests do without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genbench.testing import fresh, kinds
from genbench.testing.subject import Subject

BROKEN = Path(__file__).parent / "broken"


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked of a fresh process is answered by a subject made anew in this one."""

    def answer(subject: Subject, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(kinds.subject_from(subject.reference()), *arguments)

    monkeypatch.setattr(fresh, "call", answer)


@pytest.fixture(scope="session")
def broken() -> Callable[[str], str]:
    """A broken example by the name of its file, as ``FILE.py:CLASS``."""

    def reference(name: str) -> str:
        words = name.split("_")
        return f"{BROKEN / name}.py:{''.join(word.capitalize() for word in words)}"

    return reference
