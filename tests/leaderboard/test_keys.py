"""Which part of a key differs: every part that goes into one can be named."""

from __future__ import annotations

from typing import Any

import pytest

from genbench.contract import Measurement, Score
from genbench.leaderboard import rows
from genbench.leaderboard.keys import Difference, differences, in_words, options
from genbench.leaderboard.schema import SCHEMA, Row
from genbench.plan import PluginSpec


def scored(
    *,
    options: dict[str, Any] | None = None,
    distribution: str = "metrics",
    version: str = "1",
    extractor: tuple[str, str] = ("cnn", "eeee"),
    point: tuple[str, float, str] = ("test", 1.0, "average"),
    **shared: Any,
) -> Row:
    """A row of a hardware score, as `rows.of_score` makes it."""
    base = {"dataset": "digits", "dataset_fingerprint": "dddd", "protocol": "quick"}
    base |= {"protocol_fingerprint": "ffff", "device": "cpu", "torch": "2", "threads": 1}
    metric = PluginSpec(
        kind="metric", name="m", target="m:M", distribution=distribution, version="0", code="c",
        options=options or {},
    )  # fmt: skip
    split, fraction, weights = point
    row = rows.of_score(
        {**base, **shared},
        rows.Point(split, fraction, 100, weights),  # type: ignore[arg-type]
        metric,
        version,
        Score("s", better="lower", hardware=True),
        Measurement(1.0),
        extractor,
    )
    return {**dict.fromkeys(SCHEMA.names), **row}


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"dataset_fingerprint": "other"}, "content of the data set"),
        ({"dataset": "faces", "dataset_fingerprint": "other"}, "data set"),
        ({"protocol_fingerprint": "other"}, "protocol"),
        ({"point": ("validation", 1.0, "average")}, "split"),
        ({"point": ("test", 0.5, "average")}, "fraction"),
        ({"point": ("test", 1.0, "last")}, "weights"),
        ({"version": "2"}, "metric version"),
        ({"options": {"n": 5}}, "metric option m.n"),
        ({"extractor": ("cnn", "other")}, "extractor"),
        ({"distribution": "other"}, "key"),
        *(({column: "other"}, f"hardware: {column}") for column in rows.HARDWARE_KEY),
    ],
)
def test_each_part_of_a_key_is_named(changed: dict[str, Any], part: str) -> None:
    ours, theirs = scored(), scored(**changed)
    assert ours["key"] != theirs["key"]
    assert [found.part for found in differences(ours, theirs)] == [part]


def test_rows_of_one_key_do_not_differ() -> None:
    assert differences(scored(), scored(dataset="copy", protocol="renamed")) == []


def test_options_that_one_of_the_two_lacks_are_absent_and_equal_ones_are_not_told() -> None:
    found = options('{"a": 1, "b": null}', '{"a": 1, "c": [2]}')
    assert found == [
        Difference("option b", "None", "absent"),
        Difference("option c", "absent", "[2]"),
    ]


def test_a_difference_in_words_says_which_is_where() -> None:
    words = in_words(Difference("protocol", "quick 1", "long 2"), "for x", "for y")
    assert words == "other protocol (quick 1 for x, long 2 for y)"
