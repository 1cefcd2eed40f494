"""Evidence: what metrics are given of a model, whatever the model does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from genbench_toys.autoencoder import Autoencoder
from genbench_toys.pixels import Pixels
from torch import Generator, Tensor, nn

from genbench.contract import CurvePoint, History
from genbench.dequantise import dequantised
from genbench.errors import ContractError, NotApplicableError
from genbench.evidence import RunEvidence, missing_need
from genbench.reference import Reference
from genbench.testing.worlds import World, made_up

IMAGES, POINTS = made_up([(1, 8, 8), (2,)])


def evidence(model: Any, world: World = IMAGES, extractor: Any = None) -> RunEvidence:
    return RunEvidence(
        model=model,
        loaded=world.loaded,
        real=world.loaded.test,
        history=History(),
        weights="average",
        reference=Reference(world.loaded.fingerprint, extractor),
        sample_count=12,
        sampling_chunk=4,
        seed=0,
    )


class Uniform:
    """Equally likely everywhere in [-1, 1]; remembers what it was asked for."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def log_likelihood(self, x: Tensor, rng: Generator) -> Tensor:
        self.seen.append(x)
        return torch.full((len(x),), -x[0].numel() * math.log(2))

    def log_likelihood_bound(self, x: Tensor, rng: Generator, k: int) -> Tensor:
        return self.log_likelihood(x, rng) - 1 / k


def test_likelihoods_are_of_data_that_was_dequantised_anew_for_each_draw() -> None:
    model = Uniform()
    found = evidence(model).log_likelihoods(3)
    assert found.shape == (3, 32)
    assert found.dtype == torch.float64
    assert torch.allclose(found, torch.tensor(-64 * math.log(2), dtype=torch.float64))
    first, second, third = model.seen
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)
    # All in the part of [-1, 1] that belongs to their level.
    levels = IMAGES.loaded.test.x
    for x in model.seen:
        assert torch.equal(((x + 1) / 2 * 256).floor().to(torch.uint8), levels)


def test_the_same_noise_is_drawn_every_time() -> None:
    first, second = Uniform(), Uniform()
    evidence(first).log_likelihoods(2)
    evidence(second).log_likelihoods(2)
    assert torch.equal(first.seen[1], second.seen[1])


def test_a_bound_is_asked_for_with_the_number_of_draws() -> None:
    bound = evidence(Uniform()).log_likelihood_bounds(1, k=4)
    assert torch.allclose(bound, evidence(Uniform()).log_likelihoods(1) - 0.25)


def test_continuous_data_is_taken_once_and_as_it_is() -> None:
    model = Uniform()
    assert evidence(model, POINTS).log_likelihoods(5).shape == (1, 32)
    assert torch.equal(model.seen[0], POINTS.loaded.test.x)


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_noise_fills_the_part_of_a_level_evenly(levels: int) -> None:
    level = torch.arange(levels).repeat_interleave(2000)
    x = 2 * level / (levels - 1) - 1
    noise = (dequantised(x, levels, torch.Generator().manual_seed(0)) + 1) / 2 * levels - level
    assert float(noise.min()) >= 0
    assert float(noise.max()) <= 1
    assert float(noise.mean()) == pytest.approx(0.5, abs=5 / math.sqrt(12 * 2000 * levels))
    assert float(noise.var()) == pytest.approx(1 / 12, rel=0.05)


def test_no_noise_reaches_the_next_level_or_the_end_of_the_range(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nearly_one = 1 - 2.0**-24
    monkeypatch.setattr(torch, "rand", lambda shape, generator: torch.full(shape, nearly_one))
    level = torch.arange(256.0)
    x = dequantised(2 * level / 255 - 1, 256, torch.Generator())
    assert float(x.max()) < 1
    assert torch.equal(((x.double() + 1) / 2 * 256).floor(), level.double())


def test_a_model_that_works_in_place_changes_neither_data_nor_what_it_is_measured_by() -> None:
    class InPlace:
        def reconstruct(self, x: Tensor) -> Tensor:
            return x.mul_(0.5)

        def encode(self, x: Tensor) -> Tensor:
            return x.mul_(0).flatten(1)

        def log_likelihood(self, x: Tensor, rng: Generator) -> Tensor:
            return x.mul_(0).flatten(1).sum(1)

    for world in (IMAGES, POINTS):
        before = world.loaded.test.x.clone()
        found = evidence(InPlace(), world)
        halved = found.originals / 2
        found.log_likelihoods(1)
        assert not found.codes.any()
        assert torch.allclose(found.reconstructions, halved.clamp(-1, 1), atol=1e-6) or (
            world is POINTS and torch.equal(found.reconstructions, halved)
        )
        assert torch.equal(world.loaded.test.x, before)


@pytest.mark.parametrize(
    ("wrong", "came"),
    [
        (lambda x: -x.flatten(1), r"float32 \(32, 64\) came"),
        (lambda x: torch.full((len(x),), math.inf), "32 of 32 values are NaN or infinite"),
        (lambda x: 0.0, "float came"),
    ],
)
def test_likelihoods_that_are_none_are_named(wrong: Callable[[Tensor], Any], came: str) -> None:
    class Wrong:
        def log_likelihood(self, x: Tensor, rng: Generator) -> Any:
            return wrong(x)

    with pytest.raises(ContractError, match=rf"log_likelihood\(x, rng\) was asked .*{came}"):
        evidence(Wrong()).log_likelihoods(1)


def test_codes_of_both_splits_are_taken() -> None:
    model = Autoencoder(IMAGES.spec)
    found = evidence(model)
    with torch.no_grad():
        assert found.codes.shape == (32, 2)
        assert found.train_codes.shape == (64, 2)
        assert torch.equal(found.train_codes[:8], model.encode(found.train_originals[:8]))


def test_logits_come_from_features_that_are_extracted_once() -> None:
    class Classifier(Pixels):
        calls = 0

        def __call__(self, x: Tensor) -> Tensor:
            Classifier.calls += 1
            return super().__call__(x)

        def logits(self, features: Tensor) -> Tensor:
            return features[:, :3]

    found = evidence(Autoencoder(IMAGES.spec), extractor=Classifier())
    assert torch.equal(found.logits("real"), found.features("real")[:, :3])
    assert found.logits("train").shape == (64, 3)
    assert Classifier.calls == 2
    with torch.no_grad():
        assert found.logits("samples").shape == (12, 3)


def test_logits_that_are_none_are_named() -> None:
    class Wrong(Pixels):
        def logits(self, features: Tensor) -> Tensor:
            return features[:3]

    with pytest.raises(ContractError, match=r"logits\(\) gave \(3, 64\) for features \(32, 64\)"):
        evidence(None, extractor=Wrong()).logits("real")


def test_what_a_metric_needs_and_is_not_there_is_said_in_words() -> None:
    class Needy:
        def __init__(self, need: str) -> None:
            self.needs = (need,)

    found = evidence(Autoencoder(IMAGES.spec), extractor=Pixels())
    assert (
        missing_need(Needy("logits"), found) == "the extractor is no classifier: it has no logits"
    )
    assert missing_need(Needy("manifold"), found) == (
        "the data set knows no manifold that its examples lie on"
    )
    assert missing_need(Needy("log_likelihood_bound"), found) == (
        "the model has no log_likelihood_bound"
    )
    assert missing_need(Needy("curve"), found) == "nothing was seen on the way: there is no curve"
    found.history = History(curve=(CurvePoint(1, 0.1, None, "loss", "last", 1.0),))
    assert missing_need(Needy("curve"), found) is None
    assert "give one with --extractor" in str(missing_need(Needy("logits"), evidence(None)))


def test_a_samples_operations_are_counted_by_hand() -> None:
    class Linear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(5, 64)

        def sample(self, n: int, rng: Generator) -> Tensor:
            out: Tensor = self.layer(torch.randn(n, 5, generator=rng)).view(n, 1, 8, 8)
            return out

    with torch.no_grad():
        assert evidence(Linear()).sampling_flops == 2 * 5 * 64


class Attending(nn.Module):
    """One layer of attention over eight tokens of eight numbers: 4 projections and 2 products."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 1, batch_first=True)

    def sample(self, n: int, rng: Generator) -> Tensor:
        x = torch.randn(n, 8, 8, generator=rng)
        return self.attention(x, x, x, need_weights=False)[0].view(n, 1, 8, 8)  # type: ignore[no-any-return]


def test_the_operations_of_attention_are_counted_in_eval_as_well() -> None:
    projections, products = 4 * 2 * 8 * 8 * 8, 2 * 2 * 8 * 8 * 8
    with torch.no_grad():
        assert evidence(Attending().eval()).sampling_flops == projections + products
    assert torch.backends.mha.get_fastpath_enabled()


def test_where_operations_cannot_be_counted_none_are_claimed() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(8, 8, batch_first=True)

        def sample(self, n: int, rng: Generator) -> Tensor:
            out: Tensor = self.lstm(torch.randn(n, 8, 8, generator=rng))[0]
            return out.reshape(n, 1, 8, 8)

    with (
        torch.no_grad(),
        pytest.raises(NotApplicableError, match=r"torch counts no operations of .*rnn"),
    ):
        assert evidence(Recurrent().eval()).sampling_flops


def test_latency_is_of_single_samples_and_moves_no_stream_of_others() -> None:
    asked = []

    class Counting(Autoencoder):
        def sample(self, n: int, rng: Generator) -> Tensor:
            asked.append(n)
            return super().sample(n, rng)

    model = Counting(IMAGES.spec)
    with torch.no_grad():
        alone = evidence(model).samples
        asked.clear()
        timed = evidence(model)
        assert 0 < timed.sampling_latency_seconds < 1
        assert set(asked) == {1}
        assert torch.equal(timed.samples, alone)
