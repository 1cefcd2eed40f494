"""Standings: means, spreads, ranks, failures, keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from genbench.leaderboard import ranking
from genbench.leaderboard.schema import Row


def row(model: str = "toy", seed: int = 0, value: float | None = 1.0, **columns: Any) -> Row:
    return {
        "run_id": f"{model}-{seed}", "training_id": f"{model}-{seed}", "model": model,
        "created": datetime(2026, 1, 1, tzinfo=UTC), "status": "ok", "reason": None,
        "model_options": "{}", "model_code": "c", "dataset": "d", "dataset_options": "{}",
        "dataset_fingerprint": "x", "protocol": "p", "protocol_fingerprint": "f", "seed": seed,
        "metrics": '["fid"]', "split": "test", "fraction": 1.0, "weights": "average",
        "metric": "fid", "metric_options": "{}", "score": "fid",
        "extractor": None, "better": "lower", "unit": "", "hardware": False, "key": "k",
        "value": value, **columns,
    }  # fmt: skip


def rows(model: str, *values: float, **columns: Any) -> list[Row]:
    return [row(model, seed, value, **columns) for seed, value in enumerate(values)]


def ranks(*groups: list[Row]) -> dict[str, int | None]:
    (standing,) = ranking.standings([r for group in groups for r in group])
    return {entry.label: entry.rank for entry in standing.entries}


def test_mean_and_spread_are_over_seeds() -> None:
    (standing,) = ranking.standings(rows("toy", 1.0, 2.0, 4.0))
    (entry,) = standing.entries
    assert entry.mean == pytest.approx(7 / 3)
    assert entry.spread == pytest.approx(np.std([1, 2, 4], ddof=1))
    assert entry.seeds == (0, 1, 2)


def test_the_best_comes_first_whichever_direction_is_better() -> None:
    both = rows("a", 1.0, 1.1), rows("b", 5.0, 5.1)
    (lower,) = ranking.standings([*both[0], *both[1]])
    assert [entry.model for entry in lower.entries] == ["a", "b"]
    higher = [{**r, "better": "higher"} for group in both for r in group]
    (standing,) = ranking.standings(higher)
    assert [entry.model for entry in standing.entries] == ["b", "a"]


def test_models_that_cannot_be_told_apart_share_a_rank() -> None:
    assert ranks(rows("a", 1.0, 2.0, 3.0), rows("b", 1.1, 2.2, 2.9)) == {"a": 1, "b": 1}


def test_a_rank_counts_the_models_that_are_significantly_better() -> None:
    found = ranks(
        rows("a", 1.00, 1.01, 1.02), rows("b", 1.00, 1.02, 1.03), rows("c", 9.0, 9.01, 9.02)
    )
    assert found == {"a": 1, "b": 1, "c": 3}


def test_one_seed_tells_nothing_apart() -> None:
    assert ranks(rows("a", 1.0), rows("b", 100.0)) == {"a": None, "b": None}


def test_scores_without_spread_are_apart_exactly_if_they_differ() -> None:
    assert ranks(rows("a", 1.0, 1.0), rows("b", 2.0, 2.0), rows("c", 1.0, 1.0)) == {
        "a": 1, "c": 1, "b": 3,
    }  # fmt: skip


def test_a_score_of_no_direction_has_no_ranks() -> None:
    (standing,) = ranking.standings(rows("a", 1.0, 1.0, better=None))
    assert standing.entries[0].rank is None


def test_nothing_is_ranked_across_comparability_keys() -> None:
    found = ranking.standings([*rows("a", 1.0), *rows("b", 2.0, key="other")])
    assert [[e.model for e in s.entries if e.values] for s in found] == [["a"], ["b"]]


def test_the_last_weights_and_the_curve_are_no_part_of_the_standing() -> None:
    noise = [row(value=9.0, weights="last", key="l"), row(value=9.0, split="validation", key="v")]
    (standing,) = ranking.standings([row(value=1.0), *noise, row(value=9.0, fraction=0.5, key="h")])
    assert standing.entries[0].values == (1.0,)


def test_failures_count_and_are_never_dropped() -> None:
    (standing,) = ranking.standings(
        [
            *rows("good", 1.0, 1.1),
            row("shaky", 0, 1.2),
            row("shaky", 1, status="diverged", **FAILED),
            row("hopeless", 0, status="failed", **FAILED),
        ]
    )
    found = {e.model: (e.runs, e.failures, e.mean) for e in standing.entries}
    assert found == {
        "good": (2, {}, pytest.approx(1.05)),
        "shaky": (2, {"diverged": 1}, 1.2),
        "hopeless": (1, {"failed": 1}, None),
    }
    assert standing.entries[-1].model == "hopeless"


FAILED = {
    "metric": None,
    "score": None,
    "split": None,
    "fraction": None,
    "value": None,
    "key": None,
}


def test_a_failure_counts_only_where_its_metric_was_asked_for() -> None:
    other = row("toy", 1, status="failed", metrics='["other"]', **FAILED)
    (standing,) = ranking.standings([row("toy", 0), other])
    assert (standing.entries[0].runs, standing.entries[0].failures) == (1, {})


def test_a_metric_that_fails_later_takes_nothing_from_the_scores_that_are_there() -> None:
    later = datetime(2026, 1, 2, tzinfo=UTC)
    broken = row(run_id="b", status="failed", created=later, metrics='["fid", "broken"]', **FAILED)
    (standing,) = ranking.standings([row(value=1.0), broken])
    assert (standing.entries[0].values, standing.entries[0].failures) == ((1.0,), {})


def test_a_failure_is_not_forgotten_when_other_metrics_go_well() -> None:
    fine = row("toy", 0, metric="other", score="other", key="o", metrics='["other"]')
    failed = row("toy", 0, status="failed", **FAILED)
    found = ranking.standings([row("good", 0), failed, fine])
    (by_fid,) = [s for s in found if s.score == "fid"]
    assert {e.model: e.failures for e in by_fid.entries} == {"good": {}, "toy": {"failed": 1}}


def test_data_of_equal_content_under_another_name_is_the_same_data() -> None:
    (standing,) = ranking.standings(
        [row("a"), row("b", dataset="copy", dataset_options='{"root": "elsewhere"}')]
    )
    assert {entry.model for entry in standing.entries if entry.values} == {"a", "b"}


def test_a_seed_counts_once_however_often_it_was_trained() -> None:
    later = datetime(2026, 1, 2, tzinfo=UTC)
    again = [row("toy", 0, 2.0, training_id="newer genbench", created=later), row("toy", 1, 3.0)]
    (standing,) = ranking.standings([row("toy", 0, 1.0), *again])
    assert standing.entries[0].seeds == (0, 1)
    assert standing.entries[0].values == (2.0, 3.0)


def test_the_scores_of_a_run_that_then_failed_count_for_nothing() -> None:
    later = datetime(2026, 1, 2, tzinfo=UTC)
    asked = '["fid", "broken"]'
    half = [row("half", metrics=asked), row("half", status="failed", created=later, **FAILED)]
    (standing,) = ranking.standings([row("good"), *half])
    found = {entry.model: (entry.values, entry.failures) for entry in standing.entries}
    assert found == {"good": ((1.0,), {}), "half": ((), {"failed": 1})}
    assert ranking.standings(half) == []
    assert ranking.unscored_failures(half) == half[1:]


def test_failures_that_no_standing_counts_are_told_by_themselves() -> None:
    lonely = row("toy", status="failed", protocol_fingerprint="edited", **FAILED)
    unread = row("toy", status="failed", **{**FAILED, "dataset_fingerprint": None})
    unmeasured = row("toy", status="failed", **FAILED | {"metrics": '["never"]'})
    rows = [row("good"), lonely, unread, unmeasured]
    assert ranking.unscored_failures(rows) == [lonely, unmeasured]


def test_a_run_that_was_mended_is_a_failure_no_more() -> None:
    later = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=1)
    (standing,) = ranking.standings([row(status="failed", **FAILED), row(created=later, value=3.0)])
    assert standing.entries[0].failures == {}


def test_the_same_weights_evaluated_twice_are_one_result() -> None:
    later = datetime(2026, 1, 2, tzinfo=UTC)
    (standing,) = ranking.standings([row(), row(run_id="other", created=later)])
    assert standing.entries[0].values == (1.0,)


def test_namesakes_are_told_apart_by_what_differs() -> None:
    found = ranks(
        rows("a", 1.0, model_options='{"width": 8, "lr": 1}'),
        rows("a", 2.0, model_options='{"width": 16, "lr": 1}', training_id="w16"),
        rows("a", 3.0, model_options='{"width": 16, "lr": 1}', model_code="ffffffffff",
             training_id="code"),
    )  # fmt: skip
    assert set(found) == {"a[width=8]", "a[width=16, code c]", "a[width=16, code fffffff]"}


def test_equal_models_are_rarely_called_different() -> None:
    rng = np.random.default_rng(1)
    for n in (3, 5, 10):
        called = sum(
            bool(ranking.significant_pairs([list(rng.normal(size=n)) for _ in range(2)]))
            for _ in range(2000)
        )
        assert called / 2000 <= 0.06


def test_a_score_that_some_seeds_never_got_to_has_no_rank_and_keeps_no_other_from_one() -> None:
    lucky = rows("lucky", 1000.0, 1010.0)
    lucky += [
        row("lucky", seed, None, status="not-applicable", reason="never reached 5")
        for seed in (2, 3, 4)
    ]
    steady = rows("steady", 2000.0, 2010.0, 2020.0)
    assert ranks(lucky, steady) == {"steady": 1, "lucky": None}
    (standing,) = ranking.standings([*lucky, *steady])
    entry = standing.entries[-1]
    assert (entry.model, entry.partial, len(entry.values), entry.runs) == ("lucky", True, 2, 5)
