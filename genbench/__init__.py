"""pytest for generative models: plugins, one protocol, leaderboards that can be believed.

What a plugin author imports, and the Python interface: `run`, `load` and `Evaluator`. All of it is
imported when it is first used, so that ``genbench --help`` answers at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from genbench.api import load, run
    from genbench.contract import (
        Batch,
        Dataset,
        DataSpec,
        Evidence,
        Examples,
        Extractor,
        History,
        Manifold,
        Measurement,
        Metric,
        Model,
        NotApplicable,
        Score,
        Split,
        Splits,
        Step,
    )
    from genbench.errors import GenbenchError
    from genbench.evaluator import Evaluator
    from genbench.hookspecs import hookimpl

__all__ = [
    "Batch",
    "DataSpec",
    "Dataset",
    "Evaluator",
    "Evidence",
    "Examples",
    "Extractor",
    "GenbenchError",
    "History",
    "Manifold",
    "Measurement",
    "Metric",
    "Model",
    "NotApplicable",
    "Score",
    "Split",
    "Splits",
    "Step",
    "__version__",
    "hookimpl",
    "load",
    "run",
]

_HOME = {
    "run": "api",
    "load": "api",
    "Evaluator": "evaluator",
    "GenbenchError": "errors",
    "hookimpl": "hookspecs",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'genbench' has no attribute {name!r}")
    module = importlib.import_module(f"genbench.{_HOME.get(name, 'contract')}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
