"""Comparisons: what is held to what, verdicts, and why the rest is not compared."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from scipy import stats

from genbench.errors import UsageError
from genbench.leaderboard.comparison import Compared, Comparison, compare
from genbench.leaderboard.schema import Row
from genbench.leaderboard.unmatched import Side

Measured = Callable[..., list[Row]]

LATER = datetime(2026, 2, 1, tzinfo=UTC)


def between(a: list[Row], b: list[Row], **arguments: Any) -> Comparison:
    return compare(Side("A", "in A", a), Side("B", "in B", b), **arguments)


def only(found: Comparison) -> Compared:
    (compared,) = found.compared
    return compared


def reasons(found: Comparison) -> list[str]:
    return [one.reason for one in found.not_compared]


def test_a_clear_difference_is_better_or_worse_by_the_scores_direction(measured: Measured) -> None:
    low, high = measured("toy", 1.0, 1.1, 1.2), measured("toy", 9.0, 9.1, 9.2)
    assert only(between(high, low)).verdict == "better"
    assert only(between(low, high)).verdict == "worse"
    low, high = ([{**row, "better": "higher"} for row in rows] for rows in (low, high))
    assert only(between(high, low)).verdict == "worse"
    assert only(between(low, high)).verdict == "better"


def test_a_score_of_no_direction_is_different_at_most(measured: Measured) -> None:
    a = measured("toy", 1.0, 1.1, 1.2, better=None)
    b = measured("toy", 9.0, 9.1, 9.2, better=None)
    assert only(between(a, b, metrics=["fid"])).verdict == "different"


def test_difference_and_interval_are_of_b_from_a(measured: Measured) -> None:
    a, b = [2.0, 2.1, 2.6], [3.0, 3.5, 3.1, 3.9]
    found = only(between(measured("toy", *a), measured("toy", *b)))
    expected = stats.ttest_ind(b, a, equal_var=False)
    assert found.difference == pytest.approx(sum(b) / 4 - sum(a) / 3)
    assert found.relative == pytest.approx(found.difference / (sum(a) / 3))
    assert found.test is not None
    assert found.test.interval == pytest.approx(tuple(expected.confidence_interval()))
    assert found.p_corrected == pytest.approx(expected.pvalue)


def test_a_share_of_a_mean_below_zero_keeps_the_sign_of_the_difference(measured: Measured) -> None:
    found = only(between(measured("toy", -2.0, -2.0), measured("toy", -1.0, -1.0)))
    assert (found.difference, found.relative) == (1.0, 0.5)
    found = only(between(measured("toy", 0.0, 0.0), measured("toy", 1.0, 1.0)))
    assert found.relative is None


def test_what_is_undecided_says_how_many_more_seeds_would_decide(measured: Measured) -> None:
    found = only(between(measured("toy", -1.0, 0.0, 1.0), measured("toy", -0.5, 0.5, 1.5)))
    # Half a standard deviation takes 64 of each (Cohen, 1988, table 2.4.1).
    assert (found.verdict, found.more_seeds) == ("undecided", 61)


def test_where_there_is_no_difference_no_number_of_seeds_decides(measured: Measured) -> None:
    found = only(between(measured("toy", 1.0, 2.0, 3.0), measured("toy", 3.0, 2.0, 1.0)))
    assert (found.verdict, found.more_seeds) == ("undecided", None)


def test_one_seed_decides_nothing(measured: Measured) -> None:
    found = between(measured("toy", 1.0), measured("toy", 100.0, 101.0, 102.0))
    assert only(found).verdict == "undecided"
    assert only(found).test is None
    assert found.tested == 0


def test_deterministic_scores_are_apart_exactly_if_they_differ(measured: Measured) -> None:
    found = only(between(measured("toy", 1.0, 1.0), measured("toy", 2.0, 2.0)))
    assert (found.verdict, found.p_corrected) == ("worse", 0.0)
    found = only(between(measured("toy", 1.0, 1.0), measured("toy", 1.0, 1.0, 1.0)))
    assert (found.verdict, found.p_corrected) == ("equal", None)


def test_what_is_the_same_seed_by_seed_is_equal_and_no_test(measured: Measured) -> None:
    rows = measured("toy", 1.0, 2.0, 3.0)
    found = between(rows, rows)
    assert only(found).verdict == "equal"
    assert found.tested == 0


def test_verdicts_are_corrected_for_all_that_is_tested(measured: Measured) -> None:
    near, far = (1.0, 1.2, 1.4), (1.5, 1.8, 1.7)
    alone = only(between(measured("m0", *near), measured("m0", *far)))
    assert alone.verdict == "worse"
    a = [row for i in range(4) for row in measured(f"m{i}", *near)]
    b = [row for i in range(4) for row in measured(f"m{i}", *far)]
    unchanged = measured("same", 1.0, 2.0, 3.0)
    found = between(a + unchanged, b + unchanged)
    assert found.tested == 4
    assert alone.test is not None
    judged = [one for one in found.compared if one.a.model != "same"]
    assert {one.verdict for one in judged} == {"undecided"}
    for one in judged:
        assert one.test == alone.test
        assert one.p_corrected == pytest.approx(4 * alone.test.p_value)
        assert one.more_seeds is not None


def test_a_new_version_of_a_models_code_is_compared_with_the_old_one(measured: Measured) -> None:
    found = only(
        between(
            measured("toy", 1.0, 1.1, model_code="01d"), measured("toy", 9.0, 9.1, model_code="9e3")
        )
    )
    assert (found.a.code, found.b.code) == ("01d", "9e3")


def test_an_option_that_is_new_in_b_keeps_no_model_from_being_compared(measured: Measured) -> None:
    a = measured("toy", 1.0, 1.1, model_options='{"width": 8}')
    b = measured("toy", 1.0, 1.2, model_options='{"beta": 0.1, "width": 8}')
    (option,) = only(between(a, b)).options
    assert (option.part, option.a, option.b) == ("option beta", "absent", "0.1")


def test_equal_options_are_matched_and_different_ones_are_never_averaged(
    measured: Measured,
) -> None:
    def both(*shift: float) -> list[Row]:
        return [
            *measured("toy", 1.0 + shift[0], 1.1, model_options='{"width": 8}'),
            *measured("toy", 5.0 + shift[0], 5.1, model_options='{"width": 16}'),
        ]

    found = between(both(0.0), both(0.5))
    assert [one.subject.model for one in found.compared] == ["toy[width=8]", "toy[width=16]"]
    assert [one.a.options == one.b.options for one in found.compared] == [True, True]
    assert found.not_compared == ()


def test_where_options_leave_a_choice_it_is_not_made_in_silence(measured: Measured) -> None:
    a = measured("toy", 1.0, model_options='{"w": 8}') + measured(
        "toy", 2.0, model_options='{"w": 16}'
    )
    found = between(a, measured("toy", 3.0, model_options='{"w": 32}'))
    assert found.compared == ()
    assert reasons(found) == [
        "other option w (8 in A, 32 in B)",
        "other option w (16 in A, 32 in B)",
    ]


def test_older_code_of_one_leaderboard_is_left_out_and_told(measured: Measured) -> None:
    b = [
        *measured("toy", 1.0, 1.1, model_code="01d"),
        *measured("toy", 9.0, 9.1, model_code="9e3", created=LATER),
    ]
    found = between(measured("toy", 1.0, 1.2, model_code="01d"), b)
    assert only(found).b.values == (9.0, 9.1)
    ((side, older),) = found.older
    assert (side.name, older.model, older.code, older.instead) == ("B", "toy", "01d", "9e3")


def test_code_that_only_fails_replaces_code_that_worked(measured: Measured) -> None:
    works = measured("toy", 1.0, 1.1, model_code="01d")
    breaks = measured("toy", None, None, model_code="9e3", created=LATER)
    found = between(works, works + breaks)
    assert found.compared == ()
    assert reasons(found) == ["no run in B gave it (2 failed)"]
    assert found.not_compared[0].lost


def test_a_run_that_failed_before_its_options_were_known_is_held_to_the_others(
    measured: Measured,
) -> None:
    a = measured("toy", 1.0, 1.1, model_options='{"width": 8}')
    found = between(a, measured("toy", None))
    assert reasons(found) == ["no run in B gave it (1 failed)"]
    found = between(a, a + measured("toy", None, seed=7, run_id="toy-s7"))
    assert only(found).verdict == "equal"
    assert [(one.reason, one.lost) for one in found.not_compared] == [
        ("no run in B gave it (1 failed)", True)
    ]


def test_failures_are_counted_on_both_sides(measured: Measured) -> None:
    found = only(between(measured("toy", 1.0, None, 1.1), measured("toy", 1.0, 1.1, None, None)))
    assert (found.a.failures, found.b.failures) == ({"failed": 1}, {"failed": 2})


def test_failures_under_conditions_of_no_score_are_told(measured: Measured) -> None:
    a = measured("toy", 1.0, 1.1)
    b = measured("toy", 1.2, 1.3) + measured("toy", None, protocol_fingerprint="other")
    ((side, row),) = between(a, b).unscored
    assert (side.name, row["reason"]) == ("B", "RuntimeError: no")


def test_what_does_not_apply_says_why(measured: Measured) -> None:
    lacks = measured("toy", None, status="not-applicable", reason="the model has no sample")
    assert reasons(between(lacks, lacks)) == ["does not apply: the model has no sample"]
    (lost,) = between(measured("toy", 1.0), lacks).not_compared
    assert lost.reason == "does not apply in B: the model has no sample"
    assert lost.lost


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"dataset": "faces", "dataset_fingerprint": "abcdefghi"},
         "other data set (digits ddddddd in A, faces abcdefg in B)"),
        ({"dataset_fingerprint": "abcdefghi"},
         "other content of the data set (digits ddddddd in A, digits abcdefg in B)"),
        ({"protocol": "long", "protocol_fingerprint": "123456789"},
         "other protocol (quick fffffff in A, long 1234567 in B)"),
        ({"weights": "last"}, "other weights (average in A, last in B)"),
        ({"metric_version": "2"}, "other metric version (1 in A, 2 in B)"),
        ({"metric_options": '{"n": 500}'}, "other metric option fid.n (absent in A, 500 in B)"),
        ({"extractor": "vit", "extractor_fingerprint": "vvvvvvvvv"},
         "other extractor (cnn eeeeeee in A, vit vvvvvvv in B)"),
        ({"extractor": None, "extractor_fingerprint": None},
         "other extractor (cnn eeeeeee in A, none in B)"),
        ({"key": "0123456789"},
         "other key (ddddddd in A, 0123456 in B), though all that rows tell of it is equal: the "
         "metric may come from another distribution, or from a file that was another then"),
        ({"model": "other"}, "only in A"),
        ({"score": "other"}, "not measured in B"),
    ],
)  # fmt: skip
def test_what_is_not_compared_names_the_part_of_the_key(
    measured: Measured, changed: dict[str, Any], reason: str
) -> None:
    model = changed.pop("model", "toy")
    found = between(measured("toy", 1.0, 1.1), measured(model, 1.0, 1.1, **changed))
    assert found.compared == ()
    assert found.not_compared[0].reason == reason
    assert found.not_compared[0].lost


def test_scores_of_the_hardware_are_compared_by_name_only_and_on_equal_machines(
    measured: Measured,
) -> None:
    def seconds(threads: int) -> list[Row]:
        return measured("toy", 1.0, 1.1, score="seconds", hardware=True, threads=threads)

    assert between(seconds(1), seconds(1)).compared == ()
    assert only(between(seconds(1), seconds(1), metrics=["seconds"])).verdict == "equal"
    found = between(seconds(1), seconds(4), metrics=["seconds"])
    assert reasons(found) == ["other hardware: threads (1 in A, 4 in B)"]


def test_several_parts_are_all_named_and_the_nearest_row_is_the_one(measured: Measured) -> None:
    far = measured("toy", 1.0, protocol_fingerprint="x", metric_version="2")
    near = measured("toy", 1.0, metric_version="3")
    assert reasons(between(measured("toy", 1.0), far + near)) == [
        "other metric version (1 in A, 3 in B)",
        "other protocol (quick fffffff in A, quick x in B), other metric version (1 in A, 2 in B)",
    ]


def test_what_only_b_has_is_told_and_not_lost(measured: Measured) -> None:
    found = between(measured("toy", 1.0), measured("toy", 1.0) + measured("new", 1.0))
    assert [(one.subject.model, one.reason, one.lost) for one in found.not_compared] == [
        ("new", "only in B", False)
    ]


def test_two_models_of_one_leaderboard_are_compared_whatever_their_names(
    measured: Measured,
) -> None:
    x, y = measured("x", 1.0, 1.1, 1.2), measured("y", 5.0, 5.1, 5.2, model_options='{"w": 1}')
    found = compare(Side("x", "for x", x), Side("y", "for y", y), by_model=False)
    assert only(found).verdict == "worse"
    assert only(found).options == []


def test_curves_and_validation_are_never_compared(measured: Measured) -> None:
    curve = measured("toy", 1.0, 1.1, fraction=0.5) + measured("toy", 1.0, split="validation")
    assert between(curve, curve).compared == ()


def test_a_metric_that_nobody_has_is_answered_with_the_nearest(measured: Measured) -> None:
    with pytest.raises(UsageError, match=r"No run has the metric 'fit'\. Did you mean fid"):
        between(measured("toy", 1.0), measured("toy", 1.0), metrics=["fit"])
