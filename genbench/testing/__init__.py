"""The contract as a suite of checks: for pytest, for Python, and behind ``genbench check``.

A plugin author puts two lines into a test file and has one test for each promise of the contract::

    import genbench.testing
    test_my_vae = genbench.testing.contract("./mine.py:MyVAE")

`contract` says the rest. A metric's own known answers are written with `evidence_of`, which makes
evidence of the tensors that it is given. All of it is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbench.testing.door import check, contract
    from genbench.testing.evidence import GivenEvidence
    from genbench.testing.finding import Finding, Result
    from genbench.testing.given import evidence_of

__all__ = ["Finding", "GivenEvidence", "Result", "check", "contract", "evidence_of"]

_HOME = {
    "Finding": "finding",
    "GivenEvidence": "evidence",
    "Result": "finding",
    "check": "door",
    "contract": "door",
    "evidence_of": "given",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'genbench.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(f"genbench.testing.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
