"""Published values beside what was obtained: pass, fail, open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from genbench.leaderboard.published import Published, Trials, judge
from genbench.leaderboard.schema import Row

PUBLISHED = Published(
    metric="mode-coverage", score="modes", value=6.3, tolerance=0.5, weights="last", source="x"
)
TRIALS = Trials(
    model="gan", model_options={"pack": 1, "lr": 0.1},
    dataset="ring", dataset_options={"size": 100},
    metric_options={"mode-coverage": {"radius": 3.0}}, extractor="identity",
    protocol_fingerprint="p", seeds=(0, 1, 2), given={"pack": 1},
)  # fmt: skip


def row(seed: int, value: float | None, **columns: Any) -> Row:
    return {
        "model": "gan", "model_options": '{"pack": 1, "lr": 0.1}', "dataset": "ring",
        "dataset_options": '{"size": 100}', "protocol_fingerprint": "p", "seed": seed,
        "status": "ok", "metric_options": '{"radius": 3.0}', "extractor": None,
        "metric": "mode-coverage", "score": "modes", "split": "test", "fraction": 1.0,
        "weights": "last", "value": value, "created": datetime(2026, 1, 1, tzinfo=UTC), **columns,
    }  # fmt: skip


def verdict(*rows: Row) -> str:
    return judge(PUBLISHED, TRIALS, rows).verdict


def test_it_is_open_until_all_trials_have_ended() -> None:
    assert verdict() == "open"
    assert verdict(row(0, 6.3), row(1, 6.3)) == "open"
    assert verdict(row(0, 6.3), row(1, 6.3), row(2, 6.3)) == "pass"


def test_the_mean_over_the_trials_is_held_to_the_tolerance_both_ways() -> None:
    assert verdict(row(0, 6.0), row(1, 7.0), row(2, 7.4)) == "pass"  # 6.8: the edge is within
    assert verdict(row(0, 6.0), row(1, 7.0), row(2, 7.5)) == "fail"
    assert verdict(row(0, 5.0), row(1, 6.0), row(2, 6.4)) == "pass"  # 5.8
    assert verdict(row(0, 5.0), row(1, 6.0), row(2, 6.3)) == "fail"


@pytest.mark.parametrize(
    "other",
    [
        {"model": "dcgan"},
        {"model_options": '{"pack": 2, "lr": 0.1}'},
        {"model_options": '{"pack": 1, "lr": 0.2}'},  # which the suite leaves at its default
        {"metric_options": '{"radius": 2.0}'},
        {"extractor": "pixels"},
        {"dataset": "grid"},
        {"dataset_options": '{"size": 200}'},
        {"protocol_fingerprint": "q"},
        {"seed": 3},
        {"metric": "fid"},
        {"score": "high_quality"},
        {"split": "validation"},
        {"fraction": 0.5},
        {"weights": "average"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_was_run_or_measured_otherwise_is_no_trial(other: dict[str, Any]) -> None:
    assert verdict(row(0, 6.3), row(1, 6.3), row(2, 6.3) | other) == "open"


def test_a_trial_that_failed_is_no_pass_until_it_was_run_again() -> None:
    failure = row(2, None, metric=None, score=None, split=None, status="failed")
    both = [row(0, 6.3), row(1, 6.3)]
    judged = judge(PUBLISHED, TRIALS, [*both, failure])
    assert (judged.verdict, judged.failed) == ("fail", 1)
    later = datetime(2026, 1, 2, tzinfo=UTC)
    assert verdict(*both, failure, row(2, 6.3, created=later)) == "pass"
    assert verdict(*both, row(2, 6.3), failure | {"created": later}) == "fail", "the newest counts"


def test_a_trial_without_the_score_has_failed_and_an_interrupted_one_has_not_ended() -> None:
    both = [row(0, 6.3), row(1, 6.3)]
    assert verdict(*both, row(2, None, status="not-applicable")) == "fail"
    cut_short = row(2, None, metric=None, score=None, split=None, status="interrupted")
    judged = judge(PUBLISHED, TRIALS, [*both, cut_short])
    assert (judged.verdict, judged.failed) == ("open", 0)


def test_of_one_seed_the_newest_score_counts() -> None:
    later = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=1)
    judged = judge(PUBLISHED, TRIALS, [row(0, 1.0, created=later), row(0, 9.0)])
    assert judged.values == (1.0,)
