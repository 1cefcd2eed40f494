"""The process that checks run in: says on a pipe what it begins, what it calls and what it found.

One message a line, in JSON: ``{"plugin": title}``, ``{"check": name, "promise": text}``,
``{"call": text}``, ``{"result": …}``; or ``{"error": message, "exit_code": number}`` where there is
nothing to check.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import sys
import warnings
from typing import Any

from genbench.errors import GenbenchError, PluginError
from genbench.testing.finding import Result


def main(descriptor: int) -> None:
    """Check the plugin that standard input names."""
    question = json.loads(sys.stdin.readline())
    pipe = os.fdopen(descriptor, "w", encoding="utf-8")
    faulthandler.enable()  # where it hung or crashed is read from standard error

    def say(**message: Any) -> None:
        pipe.write(json.dumps(message) + "\n")
        pipe.flush()

    warnings.simplefilter("ignore")
    try:
        _check(question, say)
    except GenbenchError as error:
        say(error=str(error), exit_code=error.exit_code)
    # A plugin may end the process as if all were well: only this says that it was.
    say(done=True)


def _check(question: dict[str, Any], say: Any) -> None:
    say(call="its import")
    # Torch and the plugin come in here.
    from genbench.naming import named
    from genbench.testing import kinds
    from genbench.testing.suite import Suite

    plugin = named(question["reference"], question["kind"])
    subject = kinds.subject_of(plugin, question["settings"], question["data"])
    subject.tell = lambda call: say(call=call)
    with contextlib.suppress(PluginError):
        subject.prepare()
    say(plugin=plugin.title)
    known = {result["check"]: Result.from_plain(result) for result in question["known"]}
    suite = Suite(subject, kinds.checks_of(plugin.kind), known)
    suite.begins = lambda item: say(check=item.name, promise=item.promise)
    for name in suite.checks:
        result = suite.result(name)
        if name not in known:
            say(result=result.plain())


if __name__ == "__main__":
    main(int(sys.argv[1]))
