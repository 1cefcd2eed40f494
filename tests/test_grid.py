"""Options as they are given on a command line."""

from __future__ import annotations

import pytest

from genbench import grid
from genbench.errors import UsageError


@pytest.mark.parametrize("text", ["width=3", "toy-ae.width", "toy-ae=3", ".width=3", ""])
def test_a_setting_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"is not NAME\.OPTION=VALUE"):
        grid.parse_settings([text])


def test_a_value_may_hold_dots_and_equals_signs() -> None:
    assert grid.parse_settings(["a.b=c.d=e"]) == {"a.b": ["c.d=e"]}
