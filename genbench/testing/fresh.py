"""Asks a question of a plugin in a fresh process, which has seen nothing of what went before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genbench import environment
from genbench.errors import GenbenchError
from genbench.testing.subject import PluginRaisedError, Subject


class FreshProcessError(GenbenchError):
    """The plugin did in a fresh process what it did not do here: the message says what."""


def call(subject: Subject, function: Callable[..., Any], *arguments: Any) -> Any:
    """What ``function(subject, *arguments)`` gives in a fresh process.

    Args:
        subject: made anew there, from its `reference`.
        function: of a module of `genbench.testing`.
        arguments: plain data, as the result.

    Raises:
        DoesNotApplyError: no other process could import the plugin.
        FreshProcessError: it raised there, or ended the process.
    """
    question = {
        "subject": subject.reference(),
        "function": [function.__module__, function.__qualname__],
        "arguments": arguments,
    }
    subject.tell("a fresh process")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answer.json"
        process = subprocess.run(
            [sys.executable, "-P", "-m", "genbench.testing.fresh", json.dumps(question), str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # The order of a set is another one in every process, also where this one's is fixed.
            env={**os.environ, "PYTHONHASHSEED": "random"},
            check=False,
        )
        if not path.is_file():
            raise FreshProcessError(
                f"In a fresh process it ended by itself, with exit code {process.returncode}."
            )
        answer = json.loads(path.read_text(encoding="utf-8"))
    if "raised" in answer:
        raise FreshProcessError(f"In a fresh process: {answer['raised']}")
    return answer["answer"]


def main(question: str, path: str) -> None:
    """Answer one question, into a file: standard output is the plugin's."""
    import importlib

    import torch

    from genbench.testing.kinds import subject_from

    asked = json.loads(question)
    module, name = asked["function"]
    try:
        with environment.repeatable(torch.device("cpu"), threads=1):
            subject = subject_from(asked["subject"])
            function = getattr(importlib.import_module(module), name)
            answer = {"answer": function(subject, *asked["arguments"])}
    except PluginRaisedError as error:
        answer = {"raised": error.finding.happened}
    except GenbenchError as error:
        answer = {"raised": str(error)}
    Path(path).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
