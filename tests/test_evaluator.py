"""`Evaluator`: the same ruler as a run's, for what genbench did not train."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from genbench_toys.autoencoder import Autoencoder
from genbench_toys.points import draw
from genbench_toys.squares import Squares
from torch import Generator, Tensor

import genbench
from genbench.api import Result
from genbench.contract import DataSpec
from genbench.data import to_model
from genbench.errors import UsageError
from genbench.evaluator import Evaluator
from genbench.external.scores import Scores
from genbench.leaderboard import ranking, store
from genbench.protocol import Protocol
from genbench.streams import seed_global

Run = Callable[..., Result]
METRICS = ("toy-distance", "toy-error", "toy-clock")


@pytest.fixture
def evaluator(tiny: Protocol) -> Evaluator:
    return genbench.Evaluator("toy-squares", protocol=tiny)


def images(n: int = 60, seed: int = 5) -> Tensor:
    return Squares(size=n, seed=seed).load().train.x


def test_a_model_scores_what_it_scores_in_a_run(run: Run, evaluator: Evaluator) -> None:
    result = run("toy-ae")
    model = genbench.load(result.folder)
    scores = evaluator(model, split="test", seed=0)
    for score in ("distance", "error", "clipped_fraction"):
        assert scores[score] == result.score(score)
    assert scores.errors == {"distance": 0.01}


def test_the_curve_is_measured_on_validation(evaluator: Evaluator) -> None:
    x = images()
    on = {split: evaluator(samples=x, split=split)["distance"] for split in ("validation", "test")}
    assert on["validation"] != on["test"]
    assert on["validation"] == evaluator(samples=x)["distance"]


def test_splits_are_there_to_train_on(evaluator: Evaluator) -> None:
    assert evaluator.data == DataSpec("toy-squares", "image", (1, 8, 8), 60, 4, 256)
    assert len(evaluator.train) == 60
    assert next(iter(evaluator.train.batches(8))).x.shape == (8, 1, 8, 8)


def draws() -> list[float]:
    """The next of every global stream."""
    return [float(torch.rand(())), float(np.random.rand()), random.random()]


def test_a_model_and_all_global_streams_are_left_as_they_were(tiny: Protocol) -> None:
    seed_global(3, "theirs")
    expected = draws()
    seed_global(3, "theirs")
    evaluator = genbench.Evaluator("toy-squares", protocol=tiny)
    assert draws() == expected
    model = Autoencoder(evaluator.data)
    model.encoder.eval()
    modes = [part.training for part in model.modules()]
    seed_global(3, "theirs")
    evaluator(model)
    assert draws() == expected
    assert [part.training for part in model.modules()] == modes
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


def test_what_surrounds_the_users_loop_reaches_no_score_and_stays(evaluator: Evaluator) -> None:
    x = images()
    alone = dict(evaluator(samples=x))
    threads, environment = torch.get_num_threads(), dict(os.environ)
    with torch.autocast("cpu", torch.bfloat16), torch.device("meta"):
        assert dict(evaluator(samples=x)) == alone
        assert torch.is_autocast_enabled("cpu")
        assert torch.get_default_device().type == "meta"
    assert torch.get_default_device().type == "cpu"
    torch.set_default_device(None)  # as somebody may, who knows of none that was set
    assert torch.get_default_device().type == "cpu"
    assert torch.get_num_threads() == threads
    assert dict(os.environ) == environment


def test_a_plain_object_with_a_sample_is_enough(evaluator: Evaluator) -> None:
    class Constant:
        def sample(self, n: int, rng: Generator) -> Tensor:
            return torch.full((n, 1, 8, 8), -2.0)

    scores = evaluator(Constant())
    assert scores["clipped_fraction"] == 1
    assert scores.not_applicable["error"] == "the model has no reconstruct"
    with pytest.raises(KeyError, match="error: the model has no reconstruct"):
        scores["error"]
    with pytest.raises(KeyError, match="distanse: Did you mean distance"):
        scores["distanse"]


def test_samples_at_rest_and_as_a_model_gives_them_score_alike(evaluator: Evaluator) -> None:
    x = images()
    assert dict(evaluator(samples=x)) == dict(evaluator(samples=to_model(x)))


def test_of_a_training_that_was_not_genbenchs_nothing_is_claimed(evaluator: Evaluator) -> None:
    scores = evaluator(samples=images())
    assert scores.not_applicable["seconds"] == (
        "the training was not genbench's: nothing is known of it"
    )


def test_rows_stand_beside_those_of_a_run_under_the_same_protocol(
    run: Run, evaluator: Evaluator, tmp_path: Path
) -> None:
    trained = run("toy-ae")
    added = evaluator.add("theirs", samples=images(), results=tmp_path / "results", images=123)
    rows = store.rows_of(store.read(tmp_path / "results" / "leaderboard"))
    theirs = [row for row in rows if row["model"] == "theirs"]
    assert {row["weights"] for row in theirs} == {"average", "last"}
    assert {row["images"] for row in theirs} == {123}
    assert {row["model_distribution"] for row in theirs} == {"external"}
    assert {row["split"] for row in theirs} == {"test"}
    keys = {row["key"] for row in trained.rows if row["split"] == "test"}
    assert {row["key"] for row in theirs if not row["hardware"]} <= keys
    [standing] = [s for s in ranking.standings(rows, "average") if s.score == "distance"]
    values = {entry.model: entry.values for entry in standing.entries}
    assert values["theirs"] == (added["distance"],)
    assert set(values) == {"toy-ae", "theirs"}


def test_without_a_protocol_rows_are_compared_with_those_of_as_many_samples_alone(
    run: Run, tmp_path: Path
) -> None:
    run("toy-ae")
    evaluator = genbench.Evaluator("toy-squares", metrics=METRICS)
    for name, n in (("few", 30), ("many", 60), ("as-many", 60)):
        evaluator.add(name, samples=images(n), results=tmp_path / "results")
    rows = store.rows_of(store.read(tmp_path / "results" / "leaderboard"))
    together = [
        {entry.model for entry in standing.entries}
        for standing in ranking.standings(rows, "average")
        if standing.score == "distance"
    ]
    assert sorted(map(sorted, together)) == [["as-many", "many"], ["few"], ["toy-ae"]]


def test_seeds_of_an_external_model_are_one_entry(evaluator: Evaluator, tmp_path: Path) -> None:
    for seed in range(3):
        evaluator.add("theirs", samples=images(seed=seed), seed=seed, results=tmp_path)
    rows = store.rows_of(store.read(tmp_path / "leaderboard"))
    [standing] = [s for s in ranking.standings(rows, "average") if s.score == "distance"]
    [entry] = standing.entries
    assert entry.seeds == (0, 1, 2)
    assert len(set(entry.values)) == 3


def test_other_samples_never_take_a_place_in_silence(evaluator: Evaluator, tmp_path: Path) -> None:
    first = evaluator.add("theirs", samples=images(), results=tmp_path)
    again = evaluator.add("theirs", samples=images(), results=tmp_path)
    assert dict(again) == dict(first)
    with pytest.raises(UsageError, match=r"rows of 'theirs', seed 0, from other samples.*--fresh"):
        evaluator.add("theirs", samples=images(seed=9), results=tmp_path)
    other = evaluator.add("theirs", samples=images(seed=9), results=tmp_path, fresh=True)
    rows = store.rows_of(store.read(tmp_path / "leaderboard"))
    assert {row["value"] for row in rows if row["score"] == "distance"} == {other["distance"]}


def test_the_same_model_may_be_added_again_and_with_other_metrics(
    tiny: Protocol, tmp_path: Path
) -> None:
    model = Autoencoder(genbench.Evaluator("toy-squares", protocol=tiny).data)
    for metrics in ("toy-distance", "toy-distance", ("toy-distance", "toy-error")):
        evaluator = genbench.Evaluator("toy-squares", protocol=tiny, metrics=metrics)
        evaluator.add("mine", model, results=tmp_path)
    rows = store.rows_of(store.read(tmp_path / "leaderboard"))
    assert len({row["run_id"] for row in rows}) == 1
    average = sorted(row["score"] for row in rows if row["weights"] == "average")
    assert average == ["clipped_fraction", "distance", "error"]
    other = Autoencoder(evaluator.data)
    with pytest.raises(UsageError, match="rows of 'mine', seed 0, from other samples"):
        evaluator.add("mine", other, results=tmp_path)


def test_other_samples_are_found_out_whatever_was_measured_of_the_first(
    tiny: Protocol, tmp_path: Path
) -> None:
    for metrics, seed in (("toy-distance", 5), (("toy-distance", "toy-error"), 6)):
        evaluator = genbench.Evaluator("toy-squares", protocol=tiny, metrics=metrics)
        if seed == 6:
            with pytest.raises(UsageError, match="from other samples"):
                evaluator.add("theirs", samples=images(seed=seed), results=tmp_path)
        else:
            evaluator.add("theirs", samples=images(seed=seed), results=tmp_path)


def test_references_of_equal_bytes_and_other_shapes_share_no_features() -> None:
    bytes_ = images(60)
    scores = [
        genbench.Evaluator(
            reference=bytes_.reshape(shape), metrics="toy-distance", extractor="toy-pixels"
        )(samples=images(60, seed=8).reshape(shape))["distance"]
        for shape in ((60, 1, 8, 8), (30, 1, 16, 8), (60, 1, 8, 8))
    ]
    assert scores[0] == scores[2] != scores[1]


def test_scores_of_one_name_stand_under_the_names_of_their_metrics(
    evaluator: Evaluator,
) -> None:
    row = evaluator(samples=images()).rows[0]
    scores = Scores([{**row, "metric": metric, "value": value}
                     for metric, value in (("a", 1.0), ("b", 2.0))])  # fmt: skip
    assert dict(scores) == {f"a.{row['score']}": 1.0, f"b.{row['score']}": 2.0}


def test_points_against_a_reference_need_no_data_set() -> None:
    rng = torch.Generator().manual_seed(0)
    evaluator = genbench.Evaluator(
        reference=draw(40, rng), metrics="toy-distance", extractor="toy-pixels"
    )
    assert evaluator(samples=draw(40, rng))["distance"] > 0


def test_a_metric_that_looks_at_the_training_split_of_a_reference_is_told_that_there_is_none(
    tmp_path: Path,
) -> None:
    metric = tmp_path / "mine.py"
    metric.write_text(
        "from genbench import Score\n"
        "class Size:\n"
        "    version = '1'\n"
        "    needs = ('sample',)\n"
        "    scores = (Score('train_size'),)\n"
        "    def measure(self, evidence):\n"
        "        return {'train_size': float(len(evidence.train))}\n"
    )
    evaluator = genbench.Evaluator(reference=images(), metrics=f"{metric}:Size")
    assert evaluator(samples=images()).not_applicable["train_size"] == (
        "there is no training split: what is measured against is a reference alone"
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda e, x: e(), "Give a model or samples: one of the two"),
        (lambda e, x: e(samples=x[:, :, :4]), r"uint8 \(60, 1, 4, 8\).*\(N, 1, 8, 8\)"),
        (lambda e, x: e(samples=x.double()), r"float64 \(60, 1, 8, 8\).* float32 in \[-1, 1\]"),
        (lambda e, x: e(samples=x[:1]), "There is 1 sample: scores are of at least 2"),
        (lambda e, x: e(samples=x / 255), r"floats from 0\S* to \S+, hardly any of them negative"),
        (lambda e, x: e(samples=to_model(x) * torch.nan), "3840 of 3840 values are NaN or infi"),
        (lambda e, x: e(x), "A Tensor is no model: it has none of sample,.* given as samples=…"),
        (lambda e, x: e(samples=x, split="val"), "is validation or test, not 'val'"),
        (lambda e, x: e.add("theirs", samples=x, images=401), "401 images is beyond the budget"),
        (lambda e, x: e.add("theirs", samples=x[:30]), "30 samples, but rows of the protocol 'tin"),
        (lambda e, x: e.add("toy-ae", samples=x), "'toy-ae' is the name of an installed model"),
        (lambda e, x: e.add("../up", samples=x), "name '../up' cannot be used: a name is letters"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    evaluator: Evaluator,
    wrong: Callable[[Evaluator, Tensor], Any],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        wrong(evaluator, images())
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs a data set or a reference"),
        ({"dataset": "toy-squars"}, "Did you mean toy-squares"),
        ({"dataset": "toy-squares", "metrics": "toy-distanc"}, "Did you mean toy-distance"),
        (
            {"dataset": "toy-squares", "metrics": METRICS, "options": {"toy-eror": {"a": 1}}},
            "options for 'toy-eror', which takes no part. Did you mean toy-error",
        ),
        (
            {"reference": torch.zeros(4, 3), "metrics": "toy-distance"},
            "A reference names no extractor of features.*--extractor NAME",
        ),
        ({"reference": torch.zeros(4, 3)[:1]}, "There is 1 real example"),
        ({"reference": torch.zeros(4, 3, 2)}, r"float32 \(4, 3, 2\): images are uint8"),
    ],
)
def test_what_makes_no_ruler_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        genbench.Evaluator(**arguments)
