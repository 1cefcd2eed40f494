"""Which models of a leaderboard are meant: by name, options and code, and by how new they are."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from genbench.errors import UsageError, nearest
from genbench.leaderboard.ranking import Identity, identity, labels
from genbench.leaderboard.schema import Row

_LABEL = re.compile(r"(?P<model>[^\[\]]+)(?:\[(?P<parts>.*)\])?")
_CODE = re.compile(r"code (?P<code>[0-9a-f]+)(?:,\s*|$)")


def named(label: str, identities: Collection[Identity]) -> list[Identity]:
    """The models that a label names: a name, or more exactly ``NAME[OPTION=VALUE, code HASH]``.

    Raises:
        UsageError: none; names the nearest.
    """
    found = _LABEL.fullmatch(label.strip())
    model = found["model"] if found else label
    namesakes = [whose for whose in identities if whose[0] == model]
    if not namesakes:
        raise UsageError(
            f"No run has the model {model!r}. {nearest(model, {whose[0] for whose in identities})}"
        )
    parts = (found and found["parts"]) or ""
    chosen = [whose for whose in namesakes if _has(whose, parts)]
    if not chosen:
        there = ", ".join(sorted(set(labels(namesakes).values())))
        raise UsageError(f"No run is of {label!r}. There are: {there}.")
    return chosen


def only_one(label: str, chosen: Collection[Identity]) -> None:
    """See that a label leaves no choice of options.

    Raises:
        UsageError: it does; lists what to choose from.
    """
    by_options = {(model, options, "") for model, options, _ in chosen}
    if len(by_options) > 1:
        choices = sorted(labels(by_options).values())
        raise UsageError(
            f"{label!r} is {len(choices)} models, with other options each: {', '.join(choices)}. "
            f"Choose one, as in --model {choices[0]!r}."
        )


@dataclass(frozen=True)
class Older:
    """A version of a model's code that a newer one was taken instead of."""

    model: str
    code: str
    instead: str


def newest(rows: Iterable[Row]) -> tuple[list[Row], list[Older]]:
    """Leave out what newer code replaced: of a model, its options, data set and protocol.

    Failed runs count: a version that does nothing but fail replaces the one before all the same.
    """
    rows = list(rows)
    latest: dict[tuple[str, ...], Row] = {}
    for row in rows:
        where = _conditions(row)
        if where not in latest or row["created"] > latest[where]["created"]:
            latest[where] = row
    kept: list[Row] = []
    older: dict[Older, None] = {}
    for row in rows:
        code = latest[_conditions(row)]["model_code"]
        if row["model_code"] == code:
            kept.append(row)
        else:
            older[Older(row["model"], row["model_code"], code)] = None
    return kept, list(older)


def of(rows: Iterable[Row], chosen: Collection[Identity]) -> list[Row]:
    """The rows of some models."""
    return [row for row in rows if identity(row) in chosen]


def _conditions(row: Row) -> tuple[str, ...]:
    # By the name of the data set: a run that failed before it read its data knows no more.
    return (row["model"], row["model_options"], row["dataset"], row["protocol_fingerprint"])


def _has(whose: Identity, parts: str) -> bool:
    """Whether options and code are as a label's brackets say, ``latent_dim=16, code 38fcab3``."""
    _, options, code = whose
    while parts:
        matched = _CODE.match(parts)
        if matched:
            if not code.startswith(matched["code"]):
                return False
            parts = parts[matched.end() :]
            continue
        # A value may hold commas and brackets itself: what fits is taken off, whole.
        for told in _told(options):
            if parts == told or parts.startswith(f"{told},"):
                parts = parts[len(told) :].lstrip(", ")
                break
        else:
            return False
    return True


def _told(options: str) -> Iterator[str]:
    """Every option as labels show it, and as JSON: ``flag=True`` and ``flag=true``."""
    for name, value in json.loads(options).items():
        yield from {f"{name}={value}", f"{name}={json.dumps(value)}"}
