"""Constructor arguments as options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Gt

from genbench import options
from genbench.errors import PluginError, UsageError


class Thing:
    def __init__(
        self,
        data: object,
        *,
        width: int = 64,
        lr: Annotated[float, Gt(0)] = 1e-3,
        loss: Literal["mse", "bce"] = "mse",
        bias: bool = True,
        sizes: tuple[int, ...] = (1, 2),
        path: Path | None = None,
        untyped=3,
    ) -> None:
        self.data = data
        self.values = (width, lr, loss, bias, sizes, path, untyped)


class Needy:
    def __init__(self, *, root: Path) -> None:
        self.root = root


def resolve(**given: Any) -> dict[str, Any]:
    return options.resolve("thing", Thing, given)


def test_defaults_are_filled_in_so_that_a_spec_says_everything() -> None:
    assert resolve() == {
        "width": 64, "lr": 1e-3, "loss": "mse", "bias": True, "sizes": [1, 2],
        "path": None, "untyped": 3,
    }  # fmt: skip


def test_text_becomes_what_the_annotation_asks_for_and_comes_back_as_it_was() -> None:
    given = {
        "width": "32", "lr": "3e-4", "loss": "bce", "bias": "false", "sizes": "[3, 4, 5]",
        "path": "a/b", "untyped": "7",
    }  # fmt: skip
    thing = options.construct(Thing, "data", options=resolve(**given))
    assert thing.data == "data"
    assert thing.values == (32, 3e-4, "bce", False, (3, 4, 5), Path("a/b"), 7)


def test_text_and_value_of_an_option_resolve_alike() -> None:
    assert resolve(width="32", sizes="[1]") == resolve(width=32, sizes=(1,))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("width", "wide", r"'width' of the thing takes int, not 'wide'"),
        ("width", "1.5", r"'width' of the thing takes int, not '1.5'"),
        ("lr", "-1", r"'lr' .* not '-1': .*greater than 0"),
        ("loss", "l1", r"'loss' .* mse \| bce, not 'l1'.*'mse' or 'bce'"),
        ("bias", "perhaps", r"'bias' of the thing takes bool, not 'perhaps'"),
    ],
)
def test_a_wrong_value_names_the_option_the_type_and_the_value(
    option: str, value: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(**{option: value})


def test_an_unknown_option_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no option 'widht'\. Did you mean width"):
        resolve(widht=3)


def test_an_argument_by_position_is_told_to_be_no_option() -> None:
    with pytest.raises(UsageError, match=r"takes 'data' by position; options stand after a '\*'"):
        resolve(data="x")


@pytest.mark.parametrize(("value", "why"), [("nan", "greater than 0"), ("inf", "finite number")])
def test_a_number_that_is_not_finite_is_refused(value: str, why: str) -> None:
    with pytest.raises(UsageError, match=f"'lr' of the thing .*{why}"):
        resolve(lr=value)


def test_a_default_that_is_not_finite_is_the_plugins_error() -> None:
    class Unbounded:
        def __init__(self, *, clip: float = float("inf")) -> None: ...

    with pytest.raises(PluginError, match="default of the option 'clip' of the thing is inf"):
        options.resolve("thing", Unbounded, {})


def test_none_is_written_as_null() -> None:
    assert resolve(path="null")["path"] is None


def test_a_required_option_that_is_missing_says_how_to_give_it() -> None:
    with pytest.raises(UsageError, match=r"needs its option 'root' \(Path\): --set needy\.root="):
        options.resolve("data set 'needy'", Needy, {}, "needy")


def test_an_annotation_that_text_cannot_become_is_the_plugins_error() -> None:
    class Odd:
        def __init__(self, *, callback: object = None, odd: type[int] | Needy = int) -> None: ...

    with pytest.raises(PluginError, match=r"'odd' of the odd thing is annotated with"):
        options.resolve("odd thing", Odd, {"odd": "x"})
