"""Asking a run to end: between two train steps, where its state is whole, or at once elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class Interrupts:
    """What a signal handler and a run say to each other.

    While a run trains, and while it puts things in their place, a request is kept until the next
    `check`, so that what is saved is whole. Where it can be left it is a KeyboardInterrupt at
    once. Outside of a run nothing is raised: what is written stays whole.
    """

    def __init__(self) -> None:
        self.requested = False
        self.insisted = False
        """Whether it was not to wait for anything whole."""
        self._in_a_run = False
        self._deferred = False

    def request(self) -> None:
        """Ask; called by a handler of signals, in the thread of the run. Asking again adds nothing.

        Raises:
            KeyboardInterrupt: in a run that can be left here.
        """
        again, self.requested = self.requested, True
        if self._in_a_run and not self._deferred and not again:
            raise KeyboardInterrupt

    def insist(self) -> None:
        """Ask to end wherever the run is; nothing more of it is saved.

        Raises:
            KeyboardInterrupt: in a run.
        """
        self.requested = self.insisted = True
        if self._in_a_run:
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
        """A block in which only `check` raises what was asked."""
        before, self._deferred = self._deferred, True
        try:
            yield
        finally:
            self._deferred = before

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """Within a deferred block, one that can be left anywhere after all."""
        before, self._deferred = self._deferred, False
        try:
            self.check()
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
