"""``genbench.testing.contract``: the checks as tests of pytest."""

from __future__ import annotations

import pytest
from genbench_toys.autoencoder import Autoencoder
from genbench_toys.points import Points
from genbench_toys.squares import Squares
from torch import Generator, Tensor

from genbench import testing
from genbench.errors import UsageError

test_a_class = testing.contract(Autoencoder, options={"latent_dim": 3}, data=(1, 9, 7))
test_a_name = testing.contract("toy-error")


class Loud(Autoencoder):
    """Its samples are far too bright."""

    def sample(self, n: int, rng: Generator) -> Tensor:
        return 100 + super().sample(n, rng)


def test_there_is_a_test_for_each_check() -> None:
    [mark] = testing.contract(Squares).pytestmark  # type: ignore[attr-defined]
    assert mark.args[0] == "check"
    assert {"splits", "fingerprint", "surroundings"} <= {*mark.args[1]}


def test_a_failure_is_the_finding_and_no_traceback() -> None:
    test = testing.contract(Loud, data="3x9x9")
    with pytest.raises(pytest.fail.Exception) as failed:
        test("sample")
    assert not failed.value.pytrace
    assert "images in [-1, 1]. No value that sample gave is below 0" in str(failed.value)
    assert str(failed.value).endswith("end in tanh, not in sigmoid or ReLU.")


def test_a_promise_that_is_not_for_this_plugin_is_skipped_and_says_why() -> None:
    with pytest.raises(pytest.skip.Exception, match="it has no log_likelihood"):
        testing.contract(Loud, data=(4,))("log_likelihood")


def test_checks_can_be_run_alone_and_bring_what_they_build_on() -> None:
    testing.contract(Loud)("independence")


@pytest.mark.usefixtures("in_this_process")
def test_data_may_be_a_data_set_by_class_or_name() -> None:
    for data in (Points, "toy-points"):
        results = {result.check: result for result in testing.check(Autoencoder, data=data)}
        assert results["constructor"].note == "takes points of 2"


def test_a_class_inside_a_function_is_checked_but_for_what_takes_a_fresh_process() -> None:
    class Inner(Autoencoder):
        pass

    results = {result.check: result for result in testing.check(Inner, data=(2,))}
    assert results["resuming"].state == "n/a"
    assert "stands inside a function" in results["resuming"].note
    assert not any(result.findings for result in results.values())


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        ("toy-aee", "Did you mean toy-ae?"),
        ("nowhere.py:Model", "There is no file 'nowhere.py'"),
    ],
)
def test_a_wrong_name_is_said_where_the_test_is_made(plugin: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        testing.contract(plugin)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"options": {"latent": 3}}, "has no option 'latent'"),
        ({"data": "8x8"}, "'8x8' is no shape"),
        ({"data": "toy-pints"}, "Did you mean toy-points?"),
    ],
)
def test_a_wrong_option_or_data_is_the_users_and_no_finding(
    arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        testing.check("toy-ae", **arguments)  # type: ignore[arg-type]


def test_a_metric_takes_no_data() -> None:
    with pytest.raises(UsageError, match="is no model"):
        testing.check("toy-error", data=(2,))
