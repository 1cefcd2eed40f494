from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import torch

from genbench.contract import Evidence, History, NotApplicable
from genbench_metrics.cost import Cost

SAMPLER = SimpleNamespace(sample=lambda n, rng: torch.zeros(n, 1, 8, 8))


def test_every_score_of_cost_is_given(evidence: Callable[..., Evidence]) -> None:
    history = History(
        images=1000, train_steps=10, train_seconds=4.0, parameters=77, peak_memory_bytes=2048
    )
    given = evidence(
        history=history, model=SAMPLER, samples=torch.zeros(50, 1, 8, 8), sampling_seconds=0.5
    )
    assert Cost().measure(given) == {
        "train_seconds": 4.0,
        "images_per_second": 250.0,
        "parameters": 77.0,
        "peak_memory_bytes": 2048.0,
        "samples_per_second": 100.0,
    }


def test_a_model_that_was_only_fitted_shows_no_images_per_second(
    evidence: Callable[..., Evidence],
) -> None:
    given = evidence(history=History(train_seconds=1.0, parameters=3))
    assert isinstance(Cost().measure(given)["images_per_second"], NotApplicable)


def test_a_model_that_cannot_sample_is_not_asked_to(evidence: Callable[..., Evidence]) -> None:
    class Unsampled(evidence):  # type: ignore[misc, valid-type]
        @property
        def samples(self) -> torch.Tensor:
            raise AssertionError("sampled")

        @samples.setter
        def samples(self, value: torch.Tensor) -> None: ...

    given = Unsampled(model=SimpleNamespace(sample=None))
    assert Cost().measure(given)["samples_per_second"] == NotApplicable("the model has no sample")


def test_memory_that_was_not_measured_is_not_called_zero(
    evidence: Callable[..., Evidence],
) -> None:
    assert isinstance(Cost().measure(evidence())["peak_memory_bytes"], NotApplicable)


def test_a_clock_that_did_not_tick_divides_nothing(evidence: Callable[..., Evidence]) -> None:
    given = evidence(history=History(images=5, train_steps=1), model=SAMPLER)
    measured = Cost().measure(given)
    assert isinstance(measured["images_per_second"], NotApplicable)
    assert isinstance(measured["samples_per_second"], NotApplicable)


def test_parameters_are_no_score_of_the_hardware() -> None:
    hardware = {score.name for score in Cost.scores if score.hardware}
    assert hardware == {score.name for score in Cost.scores} - {"parameters"}
