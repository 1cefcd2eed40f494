"""Which parts of two comparability keys differ.

A key is a hash (`genbench.leaderboard.rows.of_score`); a row's columns hold what went into it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from genbench.leaderboard.rows import HARDWARE_KEY
from genbench.leaderboard.schema import Row

ABSENT = "absent"
"""What is said of an option that one of the two does not have."""

_SHOWN = 7
"""Characters of a hash, as git shows them."""


@dataclass(frozen=True)
class Difference:
    """One part that differs, as it is in each of the two."""

    part: str
    a: str
    b: str


def differences(a: Row, b: Row) -> list[Difference]:
    """The parts of the keys of two rows that differ, in the order of the key.

    Where the keys differ and no column does, the one part is ``key``: a row does not name the
    distribution or the file that its metric came from.
    """
    found = []
    if a["dataset_fingerprint"] != b["dataset_fingerprint"]:
        part = "data set" if a["dataset"] != b["dataset"] else "content of the data set"
        found.append(_hashed(part, a, b, "dataset", "dataset_fingerprint"))
    if a["protocol_fingerprint"] != b["protocol_fingerprint"]:
        found.append(_hashed("protocol", a, b, "protocol", "protocol_fingerprint"))
    for column in ("split", "fraction", "weights"):
        found += _plain(column, a[column], b[column])
    found += _plain("metric", a["metric"], b["metric"])
    if a["metric"] == b["metric"]:
        found += _plain("metric version", a["metric_version"], b["metric_version"])
        found += options(a["metric_options"], b["metric_options"], f"metric option {a['metric']}.")
    found += _plain("score", a["score"], b["score"])
    if a["extractor_fingerprint"] != b["extractor_fingerprint"]:
        found.append(_hashed("extractor", a, b, "extractor", "extractor_fingerprint"))
    if a["hardware"] and b["hardware"]:
        for column in HARDWARE_KEY:
            found += _plain(f"hardware: {column}", a[column], b[column])
    if not found and a["key"] != b["key"]:
        found.append(Difference("key", a["key"][:_SHOWN], b["key"][:_SHOWN]))
    return found


def options(a: str, b: str, prefix: str = "option ") -> list[Difference]:
    """The options that differ, of two texts of options as JSON."""
    in_a, in_b = json.loads(a), json.loads(b)
    found = []
    for name in dict.fromkeys([*in_a, *in_b]):
        told = [str(given[name]) if name in given else ABSENT for given in (in_a, in_b)]
        if (name in in_a) != (name in in_b) or in_a[name] != in_b[name]:
            found.append(Difference(f"{prefix}{name}", *told))
    return found


def in_words(found: Difference, where_a: str, where_b: str) -> str:
    """``other protocol (quick 44cefef in A, standard 91bc22a in B)``.

    Args:
        found: what differs.
        where_a: ``in A``, say, or ``for MODEL``.
        where_b: the same of the other one.
    """
    told = f"({found.a} {where_a}, {found.b} {where_b})"
    if found.part == "key":
        return f"other key {told}, though all that rows tell of it is equal: " + (
            "the metric may come from another distribution, or from a file that was another then"
        )
    return f"other {found.part} {told}"


def _plain(part: str, a: Any, b: Any) -> list[Difference]:
    return [Difference(part, str(a), str(b))] if a != b else []


def _hashed(part: str, a: Row, b: Row, name: str, fingerprint: str) -> Difference:
    """Name and the beginning of the hash: an equal name is not enough."""

    def told(row: Row) -> str:
        if row[fingerprint] is None:
            return str(row[name] or "none")
        return f"{row[name]} {row[fingerprint][:_SHOWN]}"

    return Difference(part, told(a), told(b))
