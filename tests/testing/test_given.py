"""``genbench.testing.evidence_of``: evidence of an author's own tensors."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from genbench_toys.distance import Distance
from genbench_toys.error import Error

from genbench.contract import CurvePoint, Evidence, History, Measurement, NotApplicable, has
from genbench.errors import ContractError
from genbench.evidence import missing_need
from genbench.testing import evidence_of


def test_a_metric_is_held_to_its_closed_form_in_three_lines() -> None:
    given = evidence_of(sample_features=torch.ones(9, 4), real_features=torch.zeros(5, 4))
    assert Distance().measure(given)["distance"] == Measurement(2.0, error=0.01)


def test_it_is_evidence_as_the_contract_has_it() -> None:
    promised = {name for name in vars(Evidence) if not name.startswith("_")}
    assert promised <= set(dir(evidence_of()))


def test_images_are_seen_by_a_model_as_they_are_in_a_run() -> None:
    given = evidence_of(
        real=torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1),
        reconstructions=torch.zeros(2, 1, 1, 1),
    )
    assert given.originals.flatten().tolist() == [-1, 1]
    assert given.data.kind == "image"
    assert Error().measure(given) == {"error": 1.0}


def test_it_offers_what_it_is_given_and_names_what_it_is_not() -> None:
    given = evidence_of(real=torch.zeros(3, 2), codes=torch.ones(3, 1))
    assert given.codes.shape == (3, 1)
    assert len(given.real) == 3
    assert has(given.model, "encode")
    assert not has(given.model, "sample")
    with pytest.raises(ContractError, match=r"train_codes was not given: evidence_of\(train_codes"):
        assert given.train_codes is not None
    with pytest.raises(ContractError, match="its needs do not name 'sample'"):
        assert given.samples is not None


def test_a_split_of_features_alone_knows_its_size_and_has_no_examples() -> None:
    given = evidence_of(real_features=torch.zeros(7, 2))
    assert (given.real.name, len(given.real), len(given.train)) == ("test", 7, 0)
    with pytest.raises(ContractError, match=r"test.x was not given: evidence_of\(real=…\)"):
        assert given.real.x is not None


def test_it_meets_the_needs_that_it_is_given_something_for() -> None:
    given: Any = evidence_of(
        sample_logits=torch.zeros(2, 3),
        real=torch.zeros(2, 2),
        real_labels=torch.tensor([0, 4]),
        log_likelihoods=torch.zeros(1, 2, dtype=torch.float64),
    )

    class Needs:
        needs = ("sample", "logits", "labels", "log_likelihood")

    assert missing_need(Needs, given) is None
    assert given.data.classes == 5
    Needs.needs = ("features", "manifold")
    assert missing_need(Needs, given) is None or given.manifold is None


def test_likelihoods_come_draw_by_draw_and_once_for_continuous_data() -> None:
    rows = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
    images = evidence_of(real=torch.zeros(2, 1, 1, 1, dtype=torch.uint8), log_likelihoods=rows)
    assert images.log_likelihoods(3).tolist() == [[1, 2], [3, 4], [1, 2]]
    points = evidence_of(real=torch.zeros(2, 2), log_likelihood_bounds=rows)
    assert points.log_likelihood_bounds(3, k=5).tolist() == [[1, 2]]


def test_a_training_is_given_with_its_curve() -> None:
    point = CurvePoint(100, 1.0, "made-up", "distance", "last", 3.0)
    given = evidence_of(history=History(images=100, curve=(point,)), weights="last")
    assert given.history.curve == (point,)
    assert given.weights == "last"


def test_nan_goes_through_so_that_a_refusal_can_be_tried() -> None:
    given = evidence_of(
        real=torch.zeros(1, 1, 1, 1, dtype=torch.uint8),
        reconstructions=torch.full((1, 1, 1, 1), math.nan),
    )
    error = Error().measure(given)["error"]
    assert not isinstance(error, Measurement | NotApplicable)
    assert math.isnan(error)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"samples": torch.zeros(2, 1, 4, 4)}, r"samples float32 \(2, 1, 4, 4\): at rest images"),
        ({"real": torch.zeros(2, 2, dtype=torch.float64)}, "points float32"),
        ({"codes": torch.zeros(2)}, r"codes float32 \(2,\): one row of float32 for each"),
        ({"real_features": torch.zeros(2, 2).double()}, "real_features float64"),
        ({"train_labels": torch.zeros(2)}, r"labels are int64 \(N,\)"),
        ({"log_likelihoods": torch.zeros(2).double()}, r"float64 \(draws, N\)"),
        ({"reconstructions": torch.zeros(2, 3, 4)}, r"a model sees float32 \(N, C, H, W\)"),
        (
            {"reconstructions": torch.tensor([-1.0, 255.0]).view(2, 1, 1, 1)},
            r"reconstructions from -1 to 255: images are in \[-1, 1\] in a model",
        ),
        (
            {"samples": torch.zeros(3, 2), "sample_features": torch.zeros(4, 5)},
            "3 samples, 4 sample_features: they are of the same examples",
        ),
        (
            {
                "real": torch.zeros(3, 2),
                "log_likelihoods": torch.zeros(3, 2, dtype=torch.float64),
            },
            "3 real, 2 log_likelihoods",
        ),
    ],
)
def test_what_no_run_would_give_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        evidence_of(**given)
