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


@pytest.mark.parametrize(("period", "seen"), [(4, 0.82), (10, 0.16)])
def test_of_a_sine_that_much_of_its_effective_value_is_seen(
    period: int, seen: float, trained
) -> None:
    wave = 5 + 0.5 * np.sin(2 * np.pi / period * np.arange(1000))
    measured = plain(Stability(), trained(*losses("loss", wave)))
    expected = (1 - math.cos(2 * math.pi / period)) / math.sqrt(1.5)
    assert expected == pytest.approx(seen, abs=0.005)
    assert measured["loss_oscillation"] * 5 / (0.5 / math.sqrt(2)) == pytest.approx(
        expected, rel=0.02
    )


def test_a_smooth_convergence_does_not_oscillate(trained) -> None:
    t = np.linspace(0, 1, 1000)
    measured = plain(Stability(), trained(*losses("loss", np.exp(-8 * t))))
    assert measured["loss_oscillation"] < 1e-4


def test_relative_noise_on_a_convergence_is_found(trained) -> None:
    t, noise = np.linspace(0, 1, 1000), np.random.default_rng(0).normal(size=1000)
    measured = plain(
        Stability(), trained(*losses("loss", (1 + np.exp(-8 * t)) * (1 + 0.05 * noise)))
    )
    # residuals of neighbours overlap: of 498 their size is known to a twenty-fifth or so
    assert measured["loss_oscillation"] == pytest.approx(0.05, rel=0.1)


def test_values_need_not_be_evenly_spaced(trained) -> None:
    rng = np.random.default_rng(0)
    at = np.sort(rng.choice(np.arange(5000, 10_000), 600, replace=False))

    def seen(values: np.ndarray) -> float:
        curve = [
            CurvePoint(int(i), 0.0, None, "loss", "last", float(v))
            for i, v in zip(at, values, strict=True)
        ]
        return plain(Stability(), trained(*curve))["loss_oscillation"]

    line = 3 - at / 5000
    assert seen(line) == pytest.approx(0, abs=1e-12)
    assert seen(line + 0.05 * line.mean() * rng.normal(size=600)) == pytest.approx(0.05, rel=0.1)


def test_values_at_one_place_are_held_to_their_mean(trained) -> None:
    curve = [CurvePoint(9000, 0.0, None, "loss", "last", v) for v in (1.0, 4.0, 1.0)]
    measured = plain(Stability(), trained(*curve))
    assert measured["loss_oscillation"] == pytest.approx(3 / math.sqrt(1.5) / 2)


@pytest.mark.parametrize(("n", "by"), [(10, 1.54), (100, 2.51)])
def test_noise_alone_is_a_divergence_as_the_best_of_many_is_a_lucky_one(
    n: int, by: float, trained
) -> None:
    rng = np.random.default_rng(0)
    found = [
        plain(Stability(), trained(*scores(*(10 + 0.1 * rng.normal(size=n)))))["divergence"]
        for _ in range(300)
    ]
    assert np.mean(found) == pytest.approx(by * 0.01, rel=0.1)


def test_noise_about_a_line_is_known_without_bias(trained) -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(400):  # four values are in the second half: two are between others
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


def test_two_evaluations_have_none_between_them(trained) -> None:
    measured = plain(Stability(), trained(*scores(9, 8, 7), *losses("loss", np.ones(2))))
    assert measured["score_oscillation"] == NotApplicable(
        "fid has 2 values in the second half of the training, 3 are needed to see one swing "
        "about the two beside it"
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
