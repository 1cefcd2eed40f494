"""Imports plugins one after another and says of each what is wrong; for ``genbench doctor``.

In a process of its own, since an import can do anything, end the process included.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import entry_points

from genbench import registry

ANSWER = "genbench-probe:"
"""What a line of an answer begins with: plugins print on import, too."""


def problem_of(kind: str, name: str) -> str | None:
    """What is wrong with one plugin, or one hook module; None if it imports."""
    try:
        if kind == "hooks":
            for point in entry_points(group="genbench", name=name):
                point.load()
        else:
            registry.load(registry.find(kind, name))  # type: ignore[arg-type]
    except (Exception, SystemExit) as error:
        return str(error) if kind != "hooks" else f"{type(error).__name__}: {error}"
    return None


if __name__ == "__main__":
    for kind, name in json.loads(sys.argv[1]):
        print(f"\n{ANSWER}{json.dumps(problem_of(kind, name))}", flush=True)
