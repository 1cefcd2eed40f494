from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from genbench.contract import CurvePoint, Evidence, History, Measurement, NotApplicable
from genbench.errors import GenbenchError
from genbench_metrics.stability import Stability


def scores(*values: float, name: str = "fid", metric: str = "fid") -> list[CurvePoint]:
    """At equal distances up to 10,000 images."""
    step = 10_000 // len(values)
    return [
        CurvePoint(step * (i + 1), float(i), metric, name, "average", value)
        for i, value in enumerate(values)
    ]


def losses(name: str, values: np.ndarray) -> list[CurvePoint]:
    step = 10_000 / len(values)
    return [
        CurvePoint(round(step * (i + 1)), float(i), None, name, "last", float(value))
        for i, value in enumerate(values)
    ]


def plain(metric: Stability, given: Evidence) -> dict[str, object]:
    """What it gives, values as numbers."""
    measured = metric.measure(given)
    return {n: m.value if isinstance(m, Measurement) else m for n, m in measured.items()}


@pytest.fixture
def trained(evidence: Callable[..., Evidence]) -> Callable[..., Evidence]:
    def made(*points: CurvePoint) -> Evidence:
        return evidence(history=History(images=10_000, curve=points))

    return made


def test_divergence_is_what_the_end_lost_of_the_best(trained) -> None:
    assert plain(Stability(), trained(*scores(90, 20, 40, 30)))["divergence"] == 0.5
    given = trained(*scores(0.2, 0.8, 0.6, name="precision", metric="theirs"))
    metric = Stability(score="precision", better="higher")
    assert plain(metric, given)["divergence"] == pytest.approx(0.25)


def test_a_training_that_ends_at_its_best_has_not_diverged(trained) -> None:
    assert plain(Stability(), trained(*scores(90, 60, 30, 20)))["divergence"] == 0


def test_a_score_that_passes_zero_has_no_ratio_to_its_best(trained) -> None:
    given = trained(*scores(0.5, -0.001, 0.002, name="kid", metric="kid"))
    assert plain(Stability(score="kid"), given)["divergence"] == NotApplicable(
        "kid does not keep clear of 0: no ratio to its best"
    )


def test_a_steady_drift_does_not_oscillate(trained) -> None:
    given = trained(*scores(*range(40, 20, -1)), *losses("loss", np.linspace(3, 1, 500)))
    measured = plain(Stability(), given)
    assert measured["score_oscillation"] == pytest.approx(0, abs=1e-12)
    assert measured["loss_oscillation"] == pytest.approx(0, abs=1e-5)  # images are whole numbers


def test_a_sine_oscillates_by_its_effective_value_over_its_level(trained) -> None:
    wave = 5 + 0.5 * np.sin(np.linspace(0, 200 * np.pi, 1000))
    measured = plain(Stability(), trained(*losses("loss", wave)))
    assert measured["loss_oscillation"] == pytest.approx(0.5 / math.sqrt(2) / 5, rel=0.02)


def test_noise_about_a_line_is_known_without_bias(trained) -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(400):  # three values are left in the second half: one degree of freedom
        values = 100 - 5 * np.arange(6) + rng.normal(size=6)
        measured = plain(Stability(), trained(*scores(*values)))["score_oscillation"]
        found.append((measured * np.abs(values[2:]).mean()) ** 2)
    assert np.mean(found) == pytest.approx(1, abs=0.2)


def test_of_two_players_the_one_that_swings_counts(trained) -> None:
    rng = np.random.default_rng(0)
    calm = losses("generator", 2 + 0.01 * rng.normal(size=300))
    wild = losses("critic", 2 + 0.5 * rng.normal(size=300))
    both = plain(Stability(), trained(*calm, *wild))["loss_oscillation"]
    assert both == plain(Stability(), trained(*wild))["loss_oscillation"]
    assert both == pytest.approx(0.25, rel=0.2)


def test_what_happens_before_the_second_half_is_left_out(trained) -> None:
    rng = np.random.default_rng(0)
    early = np.concatenate((rng.normal(size=499) * 100, np.full(501, 3.0)))
    measured = plain(Stability(), trained(*losses("loss", early)))
    assert measured["loss_oscillation"] == pytest.approx(0, abs=1e-12)


def test_a_loss_that_is_zero_all_the_time_is_still(trained) -> None:
    measured = plain(Stability(), trained(*losses("loss", np.zeros(20))))
    assert measured["loss_oscillation"] == 0


def test_two_evaluations_tell_no_swing_from_a_trend(trained) -> None:
    measured = plain(Stability(), trained(*scores(9, 8, 7), *losses("loss", np.ones(2))))
    assert measured["score_oscillation"] == NotApplicable(
        "fid has 2 values in the second half of the training, 3 are needed to tell swings from a "
        "trend"
    )
    assert isinstance(measured["loss_oscillation"], NotApplicable)
    assert measured["divergence"] == 0


def test_a_model_that_was_only_fitted_has_no_curve(trained) -> None:
    measured = plain(Stability(), trained())
    assert measured["divergence"] == NotApplicable("no fid was measured on the way")
    assert measured["loss_oscillation"] == NotApplicable("no loss was seen on the way")
    single = plain(Stability(), trained(*scores(9)))["divergence"]
    assert single == NotApplicable("the curve has a single evaluation: nothing could be lost again")


def test_a_score_whose_direction_nobody_knows_is_refused() -> None:
    with pytest.raises(GenbenchError, match=r"which way 'purity' is better: --set stability\."):
        Stability(score="purity")
