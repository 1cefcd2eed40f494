"""The one family of exceptions that is shown as a clear message, without a traceback.

Whatever is not a ``GenbenchError`` is a bug, in genbench or in a plugin, and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GenbenchError(Exception):
    """Something that the user can mend: the message says what was wrong, where, and what to do."""

    exit_code = 1


class UsageError(GenbenchError):
    """A command, option, name or file that was asked for wrongly; nothing has been run."""

    exit_code = 2


class PluginError(GenbenchError):
    """A plugin that could not be imported or constructed; names its distribution and version."""


class ContractError(GenbenchError):
    """A plugin returned something other than what the contract promises."""


class NotApplicableError(GenbenchError):
    """Evidence that does not exist here, or too little of it: what asks for it is not applicable.

    A metric may raise it for all of its scores; the message is the reason that their rows give.
    """


class StoreError(GenbenchError):
    """A file of a leaderboard or run that is torn, foreign or changed; names the file."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that offers the known names nearest to a wrong one, or all when few."""
    names = sorted(known)
    if not names:
        return "None is installed."
    by_lower = {known_name.lower(): known_name for known_name in names}
    found = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)
    close = [by_lower[lower] for lower in found]
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"There are: {', '.join(names)}."
