"""From a model that gives nonsense to a metric: every installed one refuses it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from genbench import registry
from genbench.contract import CAPABILITIES, History, Measurement, Metric
from genbench.errors import ContractError
from genbench.evaluate import measured
from genbench.evidence import RunEvidence
from genbench.reference import Reference
from genbench.testing import rulers, worlds

SHAPE = (1, 16, 16)
[WORLD] = worlds.made_up([SHAPE])


class Extractor:
    """Made-up features and classes."""

    fingerprint = "made-up"

    def __call__(self, x: Tensor) -> Tensor:
        return rulers.features(x)

    def logits(self, features: Tensor) -> Tensor:
        return features.repeat(1, 2)[:, : worlds.CLASSES]


class Model:
    """Has every capability, all of them sound."""

    def sample(self, n: int, rng: Generator) -> Tensor:
        return 2 * torch.rand(n, *SHAPE, generator=rng) - 1

    def reconstruct(self, x: Tensor) -> Tensor:
        return x * 0.9

    def encode(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, 60:64] + 0.01 * x.flatten(1)[:, :4]

    def log_likelihood(self, x: Tensor, rng: Generator) -> Tensor:
        return -x.flatten(1).square().sum(1)

    def log_likelihood_bound(self, x: Tensor, rng: Generator, k: int) -> Tensor:
        return self.log_likelihood(x, rng) - 1 / k


def with_nan(x: Tensor) -> Tensor:
    spoiled = x.clone()
    spoiled.flatten()[0] = torch.nan
    return spoiled


FAULTS: Mapping[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "NaN": (with_nan, r"1 of \d+ values are NaN or infinite"),
    "another dtype": (lambda x: x.double(), "float64"),
    "another shape": (lambda x: x[:-1], "was asked for float32"),
}


def evidence(model: Any = None, extractor: Any = None) -> RunEvidence:
    loaded = replace(WORLD.loaded, manifold=rulers.manifold("image", SHAPE))
    return RunEvidence(
        model=model or Model(),
        loaded=loaded,
        real=loaded.test,
        history=History(),
        weights="average",
        reference=Reference("made-up", extractor or Extractor()),
        sample_count=40,
        sampling_chunk=20,
        seed=0,
    )


def spoiled(thing: type, method: str, fault: Callable[[Tensor], Tensor]) -> Any:
    sound = getattr(thing, method)
    return type(thing.__name__, (thing,), {method: lambda *given: fault(sound(*given))})()


METRICS: dict[str, Metric] = {
    name: registry.load(registry.find("metric", name))() for name in registry.catalogue("metric")
}

OF_A_MODEL = [
    (name, need)
    for name, metric in METRICS.items()
    for need in metric.needs
    if need in CAPABILITIES
]


@functools.cache
def measures(name: str, capability: str) -> bool:
    """Whether it measures images at all, and what a model draws, not only what drawing costs."""
    given = evidence()
    found = measured(name, METRICS[name], given)
    drawn = capability != "sample" or "_drawn" in vars(given)
    return drawn and any(isinstance(value, Measurement) for value in found.values())


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("name", "capability"), OF_A_MODEL)
def test_what_a_model_must_not_give_becomes_no_score(
    name: str, capability: str, fault: str
) -> None:
    if not measures(name, capability):
        pytest.skip(f"it does not look at what {capability} gives")
    spoil, message = FAULTS[fault]
    given = evidence(spoiled(Model, capability, spoil))
    with pytest.raises(ContractError, match=message):
        measured(name, METRICS[name], given)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        (name, "__call__" if need == "features" else "logits")
        for name, metric in METRICS.items()
        for need in metric.needs
        if need in ("features", "logits")
    ],
)
def test_features_and_classes_that_are_not_finite_become_no_score(name: str, method: str) -> None:
    given = evidence(extractor=spoiled(Extractor, method, with_nan))
    with pytest.raises(ContractError, match="finite values"):
        measured(name, METRICS[name], given)


class Bright(Model):
    """Most of its pixels are brighter than white, or darker than black."""

    def sample(self, n: int, rng: Generator) -> Tensor:
        return 3 * super().sample(n, rng)

    def reconstruct(self, x: Tensor) -> Tensor:
        return 3 * x


class Clipped(Bright):
    """Knows how bright an image may be."""

    def sample(self, n: int, rng: Generator) -> Tensor:
        return super().sample(n, rng).clamp(-1, 1)

    def reconstruct(self, x: Tensor) -> Tensor:
        return super().reconstruct(x).clamp(-1, 1)


@pytest.mark.parametrize("name", sorted({name for name, _ in OF_A_MODEL}))
def test_images_beyond_their_range_are_clipped_before_they_are_measured(name: str) -> None:
    metric = METRICS[name]
    bright, clipped = evidence(Bright()), evidence(Clipped())
    found, expected = measured(name, metric, bright), measured(name, metric, clipped)
    for score in metric.scores:
        assert score.hardware or found[score.name] == expected[score.name], score.name
    assert bright.clipped_fraction == pytest.approx(2 / 3, abs=0.02)
    assert clipped.clipped_fraction == 0
