"""Checks in a process of their own, from outside: a plugin that hangs or ends it is a finding.

This side imports no torch and no plugin.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import genbench
from genbench.errors import GenbenchError, UsageError
from genbench.registry import Kind
from genbench.testing.finding import Finding, Result

IMPORT_SECONDS = 60.0
"""The least that importing torch and the plugin may take: a check's limit does not count there."""

GRACE_SECONDS = 5
"""How long a process has to write its stack after SIGABRT before it is killed."""


class Checked:
    """The checks of one plugin, process after process until all have a result.

    Args:
        reference: a name or ``FILE.py:CLASS``.
        kind: where several kinds have that name.
        settings: options as given.
        data: what a model is checked on; None: made up.
        timeout_seconds: of one check.
    """

    def __init__(
        self,
        reference: str,
        kind: Kind | None,
        settings: Mapping[str, str],
        data: str | None,
        timeout_seconds: float,
    ) -> None:
        self._question = {
            "reference": reference,
            "kind": kind,
            "settings": dict(settings),
            "data": data,
        }
        self._timeout_seconds = timeout_seconds
        self.title = ""
        """Kind, name and origin of the plugin, once it has been imported."""

    def results(self) -> Iterator[Result]:
        """Each result as soon as it is known.

        Raises:
            UsageError: an unknown class or option.
            GenbenchError: the plugin cannot be imported.
        """
        known: list[Result] = []
        while True:
            died = None
            with _Process(self._question | {"known": [r.plain() for r in known]}) as process:
                for result in self._heard(process):
                    known.append(result)
                    yield result
                died = process.death
            if died is None:
                return
            if not process.check:
                raise GenbenchError(f"{self._question['reference']}: {died.happened}")
            result = Result.of(process.check, process.promise, [died], [])
            known.append(result)
            yield result

    def _heard(self, process: _Process) -> Iterator[Result]:
        for message in process.messages(self._timeout_seconds):
            if "plugin" in message:
                self.title = message["plugin"]
            elif "result" in message:
                yield Result.from_plain(message["result"])
            elif "error" in message:
                usage = message["exit_code"] == UsageError.exit_code
                raise (UsageError if usage else GenbenchError)(message["error"])


class _Process:
    """One process, what it said last, and how it ended."""

    def __init__(self, question: Mapping[str, Any]) -> None:
        self.check = ""
        """The check that it is at."""
        self.promise = ""
        self.call = "its import"
        """What it last called."""
        self.death: Finding | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed on exit)
        reading, writing = os.pipe()
        self._process = subprocess.Popen(
            # -P: what lies in the current folder is not imported in place of what is installed.
            [sys.executable, "-P", "-m", "genbench.testing.child", str(writing)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            pass_fds=[writing],
            text=True,
            start_new_session=True,
            env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **os.environ},
        )
        os.close(writing)
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.close()
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(reading,), daemon=True).start()
        self._watcher = threading.Thread(target=self._clear_up, daemon=True)
        self._watcher.start()

    def _clear_up(self) -> None:
        # What a plugin forked has the pipe open too: reading it would never come to an end.
        self._process.wait()
        self._kill()

    def _read(self, descriptor: int) -> None:
        with os.fdopen(descriptor, encoding="utf-8") as pipe:
            for line in pipe:
                self._lines.put(line)
        self._lines.put("")

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        self._process.wait()
        self._watcher.join()  # a thread that outlives the interpreter may abort it
        self._errors.close()

    def messages(self, timeout_seconds: float) -> Iterator[dict[str, Any]]:
        """What it says, to its end; `death` is there if that came too early."""
        limit = max(timeout_seconds, IMPORT_SECONDS)
        deadline = time.monotonic() + limit
        done = False
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                self.death = self._timed_out(limit)
                return
            if not line.endswith("\n"):
                break
            message = json.loads(line)
            if "check" in message:
                self.check, self.promise = message["check"], message["promise"]
                self.call = "its checks"
                limit = timeout_seconds
                deadline = time.monotonic() + limit
            elif "call" in message:
                self.call = message["call"]
            elif "done" in message:
                done = True
                continue
            yield message
        code = self._process.wait()
        if not done:
            self.death = self._ended(code)

    def _timed_out(self, seconds: float) -> Finding:
        # Its faulthandler writes the stack, also from within C code.
        self._process.send_signal(signal.SIGABRT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        return Finding(
            f"It took longer than {seconds:g} s, in {self.call}{self._place()}.",
            "If it only needs more time, give it with --timeout.",
        )

    def _ended(self, code: int) -> Finding:
        if code > 0 and (bug := self._traceback()):
            return Finding(f"A bug in genbench, or a plugin that broke its process: {bug}")
        if code >= 0:
            how = f"The process ended by itself with exit code {code}"
        else:
            how = f"The process was ended by {signal.Signals(-code).name}"
        hint = "The system may have run out of memory." if -code == signal.SIGKILL else ""
        return Finding(f"{how} during {self.call}{self._place()}.", hint)

    def _stderr(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def _traceback(self) -> str:
        told = self._stderr().strip()
        return told.splitlines()[-1] if "Traceback (most recent call last)" in told else ""

    def _place(self) -> str:
        """The plugin's line, from the stack that faulthandler wrote."""
        library = sysconfig.get_path("stdlib")
        own = (str(Path(genbench.__file__).parent) + os.sep, str(Path(library)) + os.sep, "<")
        for file, line, name in re.findall(r'File "(.+)", line (\d+) in (\S+)', self._stderr()):
            if not file.startswith(own) and f"{os.sep}torch{os.sep}" not in file:
                return f" ({Path(file).name}:{line} in {name})"
        return ""

    def _kill(self) -> None:
        """End it and whatever its plugin started: all of its session."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
