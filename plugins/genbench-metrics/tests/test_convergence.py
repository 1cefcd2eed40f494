from __future__ import annotations

from collections.abc import Callable

import pytest

from genbench.contract import CurvePoint, Evidence, History, Measurement, NotApplicable
from genbench.errors import GenbenchError
from genbench_metrics.convergence import Convergence

IMAGES = (1000, 2000, 5000, 10_000)


def of(
    *values: float, name: str = "fid", metric: str = "fid", weights: str = "average"
) -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(images, images / 100, metric, name, weights, value)  # type: ignore[arg-type]
        for images, value in zip(IMAGES, values, strict=False)
    )


def plain(metric: Convergence, given: Evidence) -> dict[str, object]:
    """What it gives, values as numbers."""
    measured = metric.measure(given)
    return {n: m.value if isinstance(m, Measurement) else m for n, m in measured.items()}


@pytest.fixture
def trained(evidence: Callable[..., Evidence]) -> Callable[..., Evidence]:
    def made(*points: CurvePoint, **options: object) -> Evidence:
        return evidence(history=History(images=10_000, curve=points), **options)

    return made


def test_the_target_is_reached_at_the_first_evaluation_beyond_it(trained) -> None:
    measured = plain(Convergence(target=12), trained(*of(50, 20, 11, 13)))
    assert measured["images_to_target"] == 5000
    assert measured["seconds_to_target"] == 50
    assert plain(Convergence(target=11), trained(*of(50, 20, 11, 13)))["images_to_target"] == 5000


def test_a_score_that_is_better_higher_is_reached_from_below(trained) -> None:
    given = trained(*of(10, 14, 19, 20, name="psnr", metric="reconstruction"))
    assert plain(Convergence(score="psnr", target=14), given)["images_to_target"] == 2000
    given = trained(*of(0.1, 0.4, 0.7, 0.6, name="purity", metric="theirs"))
    metric = Convergence(score="purity", target=0.5, better="higher")
    assert plain(metric, given)["images_to_target"] == 5000


def test_a_target_that_is_never_reached_is_no_number_and_tells_the_best(trained) -> None:
    measured = plain(Convergence(target=5), trained(*of(50, 20, 11, 13)))
    reason = "fid never reached 5: the best was 11 at 5,000 images"
    assert measured["images_to_target"] == NotApplicable(reason)
    assert measured["seconds_to_target"] == NotApplicable(reason)
    assert isinstance(measured["area_under_curve"], float)


def test_without_a_target_there_is_an_area_alone(trained) -> None:
    measured = plain(Convergence(), trained(*of(50, 20, 11, 13)))
    assert measured["images_to_target"] == NotApplicable(
        "no target was stated: --set convergence.target=VALUE"
    )
    # 1,000 images at 35, 3,000 at 15.5 and 5,000 at 12
    assert measured["area_under_curve"] == pytest.approx((35 + 3 * 15.5 + 5 * 12) / 9)


def test_a_level_curve_has_its_level_as_its_area(trained) -> None:
    measured = plain(Convergence(), trained(*of(7, 7, 7, 7)))
    assert measured["area_under_curve"] == pytest.approx(7)


def test_each_kind_of_weights_has_its_own_curve(trained) -> None:
    points = [*of(50, 20, 11, 9), *of(50, 40, 30, 20, weights="last")]
    points.sort(key=lambda point: point.images)
    average = plain(Convergence(target=20), trained(*points))
    last = plain(Convergence(target=20), trained(*points, weights="last"))
    assert average["images_to_target"] == 2000
    assert last["images_to_target"] == 10_000


def test_losses_are_no_scores(trained) -> None:
    loss = CurvePoint(10, 0.1, None, "fid", "last", 1.0)
    measured = plain(Convergence(target=20), trained(loss, *of(50, 20), weights="last"))
    assert measured["images_to_target"] == NotApplicable("no fid was measured on the way")


def test_a_score_of_two_metrics_is_asked_for_by_both_names(trained) -> None:
    points = (
        *of(4, 2, name="mse", metric="reconstruction"),
        *of(3, 1, name="mse", metric="compression"),
    )
    assert plain(Convergence(score="mse"), trained(*points))["area_under_curve"] == NotApplicable(
        "mse is a score of several metrics: say reconstruction.mse and compression.mse"
    )
    named = plain(Convergence(score="compression.mse"), trained(*points))
    assert named["area_under_curve"] == 2


def test_a_single_evaluation_has_no_area(trained) -> None:
    measured = plain(Convergence(target=60), trained(*of(50)))
    assert measured["images_to_target"] == 1000
    assert measured["area_under_curve"] == NotApplicable(
        "the curve has a single evaluation: no area is under it"
    )


def test_a_score_whose_direction_nobody_knows_is_refused() -> None:
    with pytest.raises(GenbenchError, match=r"which way 'purity' is better: --set convergence\."):
        Convergence(score="purity")


def test_what_is_made_of_a_curve_belongs_to_the_curves_ruler(trained) -> None:
    points = [point._replace(key=f"key {point.images}") for point in of(50, 20, 11)]
    measured = Convergence(target=12).measure(trained(*points))
    assert {m.source for m in measured.values()} == {"key 5000"}
