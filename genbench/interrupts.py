"""Asking a run to end: between two train steps, where its state is whole, or at once elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class Interrupts:
    """What a signal handler and a run say to each other.

    While a run trains, a request is kept until the next pause between two train steps, so that
    what is saved there is whole. Anywhere else in a run, and when asked again, it is a
    KeyboardInterrupt at once. Outside of a run nothing is raised: what is written stays whole.
    """

    def __init__(self) -> None:
        self.requested = False
        self._in_a_run = False
        self._deferred = False

    def request(self) -> None:
        """Ask; called by a handler of signals, in the thread of the run.

        Raises:
            KeyboardInterrupt: in a run that can be left here.
        """
        again, self.requested = self.requested, True
        if self._in_a_run and (again or not self._deferred):
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def during_a_run(self) -> Iterator[None]:
        """A block that a request ends, also one that came before it."""
        self._in_a_run = True
        try:
            self.check()
            yield
        finally:
            self._in_a_run = False

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """A block in which only `check` raises what was asked once."""
        before, self._deferred = self._deferred, True
        try:
            yield
        finally:
            self._deferred = before

    def check(self) -> None:
        """Raise what was asked for.

        Raises:
            KeyboardInterrupt: the run was asked to end.
        """
        if self.requested:
            raise KeyboardInterrupt
