"""What a metric says of its scores before it measures anything: plain data, and a table."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from genbench.cli.output import NOTHING, print_table
from genbench.contract import Score


def described(metric: Any) -> dict[str, Any]:
    """Version, needs, invariances and scores of a metric with its default options.

    Empty where it says none of that: `genbench check` finds what is missing.

    Args:
        metric: the class.
    """
    made = metric
    # One that cannot be made without options may say it on its class, as most do.
    with contextlib.suppress(Exception):
        made = metric()
    found: dict[str, Any] = {}
    if isinstance(version := getattr(made, "version", None), str):
        found["version"] = version
    for name in ("needs", "invariances"):
        if isinstance(listed := getattr(made, name, None), tuple):
            found[name] = list(listed)
    scores = getattr(made, "scores", None)
    if isinstance(scores, tuple) and all(isinstance(score, Score) for score in scores):
        found["scores"] = [_plain(score) for score in scores]
    return found


def _plain(score: Score) -> dict[str, Any]:
    found = {field.name: getattr(score, field.name) for field in fields(score)}
    return found | {"known": dict(score.known)}


NONE_DECLARED = "none declared"


def _judges(score: Mapping[str, Any], needs: Sequence[str]) -> bool:
    """Whether it says which samples are better: only then can it be blind to what is wrong."""
    return "sample" in needs and score["better"] is not None and not score["hardware"]


def print_scores(scores: Sequence[Mapping[str, Any]], needs: Sequence[str]) -> None:
    """A row for each score of a metric with these needs."""
    from genbench.testing.ranges import shown_range

    print_table(
        ["score", "better", "unit", "range", "known", "swapped", "blind to", "hardware"],
        [
            [
                score["name"],
                score["better"] or NOTHING,
                score["unit"] or NOTHING,
                shown_range(Score(score["name"], range=score["range"])),
                ", ".join(f"{case} {value:g}" for case, value in score["known"].items()) or NOTHING,
                score["swapped"] or NOTHING,
                ", ".join(score["blind"]) or (NONE_DECLARED if _judges(score, needs) else NOTHING),
                "yes" if score["hardware"] else "no",
            ]
            for score in scores
        ],
    )
