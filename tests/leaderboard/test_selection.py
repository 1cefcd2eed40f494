"""Which models a label names, and which version of their code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from genbench.errors import UsageError
from genbench.leaderboard.ranking import Identity, labels
from genbench.leaderboard.schema import Row
from genbench.leaderboard.selection import named, newest, only_one

SMALL: Identity = ("toy", '{"on": true, "sizes": [1, 2], "width": 8}', "abc1234567")
LARGE: Identity = ("toy", '{"on": true, "sizes": [1, 2], "width": 16}', "abc1234567")
EDITED: Identity = ("toy", '{"on": true, "sizes": [1, 2], "width": 16}', "def1234567")
OTHER: Identity = ("other", "{}", "abc1234567")
KNOWN = [SMALL, LARGE, EDITED, OTHER]


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("toy", [SMALL, LARGE, EDITED]),
        ("other", [OTHER]),
        ("toy[width=8]", [SMALL]),
        ("toy[width=16]", [LARGE, EDITED]),
        ("toy[width=16, code def12]", [EDITED]),
        ("toy[code abc1234]", [SMALL, LARGE]),
        ("toy[code def1234, width=16]", [EDITED]),
        ("toy[sizes=[1, 2], width=8]", [SMALL]),
        ("toy[on=True]", [SMALL, LARGE, EDITED]),
        ("toy[on=true,width=8]", [SMALL]),
    ],
)
def test_a_label_names_models_by_name_options_and_code(
    label: str, expected: list[Identity]
) -> None:
    assert named(label, KNOWN) == expected


def test_labels_as_the_leaderboard_shows_them_name_what_they_label() -> None:
    for identity, label in labels(KNOWN).items():
        assert named(label, KNOWN) == [identity]


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"No run has the model 'tyo'\. Did you mean toy"):
        named("tyo", KNOWN)


@pytest.mark.parametrize("label", ["toy[width=9]", "toy[code 123]", "toy[height=8]", "toy[width]"])
def test_options_that_no_run_has_are_answered_with_those_that_there_are(label: str) -> None:
    with pytest.raises(UsageError) as raised:
        named(label, KNOWN)
    assert f"No run is of '{label}'. There are: " in str(raised.value)
    assert "toy[width=16, code def1234], toy[width=8]" in str(raised.value)


def test_a_name_of_several_models_is_an_error_that_lists_them() -> None:
    only_one("toy", [LARGE, EDITED])
    with pytest.raises(UsageError) as raised:
        only_one("toy", KNOWN[:3])
    assert "'toy' is 2 models, with other options each: toy[width=16], toy[width=8]" in str(
        raised.value
    )
    assert "--model 'toy[width=16]'" in str(raised.value)


def test_the_newest_code_is_taken_for_each_data_set_and_protocol(
    measured: Callable[..., list[Row]],
) -> None:
    later = datetime(2026, 2, 1, tzinfo=UTC)
    old = measured("toy", 1.0, 2.0, model_code="01d")
    new = measured("toy", 3.0, model_code="9e3", created=later)
    elsewhere = measured("toy", 4.0, model_code="01d", protocol_fingerprint="other")
    kept, older = newest([*new, *old, *elsewhere])
    assert kept == [*new, *elsewhere]
    assert [(found.code, found.instead) for found in older] == [("01d", "9e3")]
