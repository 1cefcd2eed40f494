"""A small world for metrics: evidence that was given, not drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
import torch
from torch import Generator, Tensor

from genbench.contract import Batch, DataSpec, Evidence, History, Splits
from genbench_metrics.digits_cnn import DigitsCNN

NOTHING = torch.empty(0, 1)


@dataclass
class MemorySplit:
    """The contract's ``Split``, in its simplest form."""

    x: Tensor = NOTHING
    y: Tensor | None = None
    name: str = "test"

    def __len__(self) -> int:
        return len(self.x)

    def batches(self, n: int) -> Iterator[Batch]:
        for x in self.x.split(n):
            yield Batch(x)


@dataclass
class GivenEvidence:
    """The contract's ``Evidence``, all of it given."""

    real_features: Tensor = NOTHING
    sample_features: Tensor = NOTHING
    samples: Tensor = NOTHING
    sampling_seconds: float = 0.0
    clipped_fraction: float = 0.0
    originals: Tensor = NOTHING
    reconstructions: Tensor = NOTHING
    train_features: Tensor = NOTHING
    train_originals: Tensor = NOTHING
    train_reconstructions: Tensor = NOTHING
    codes: Tensor = NOTHING
    train_codes: Tensor = NOTHING
    real_logits: Tensor = NOTHING
    sample_logits: Tensor = NOTHING
    likelihoods: Tensor = NOTHING
    sampling_latency_seconds: float = 0.0
    sampling_flops: float = 0.0
    weights: Literal["average", "last"] = "average"
    manifold: Any = None
    model: Any = None
    history: History = field(default_factory=History)
    data: DataSpec = field(default_factory=lambda: DataSpec("tiny", "image", (1, 8, 8), 898))
    real: MemorySplit = field(default_factory=MemorySplit)
    train: MemorySplit = field(default_factory=MemorySplit)

    def features(self, of: Literal["real", "samples", "train"]) -> Tensor:
        given = {
            "real": self.real_features,
            "samples": self.sample_features,
            "train": self.train_features,
        }
        return given[of]

    def logits(self, of: Literal["real", "samples", "train"]) -> Tensor:
        return {"real": self.real_logits, "samples": self.sample_logits}[of]

    def statistics(
        self,
        name: str,
        of: Literal["real", "train"],
        compute: Callable[[Tensor], Mapping[str, Tensor]],
    ) -> Mapping[str, Tensor]:
        return compute(self.features(of))

    def log_likelihoods(self, draws: int) -> Tensor:
        return self.likelihoods

    def log_likelihood_bounds(self, draws: int, k: int) -> Tensor:
        return self.likelihoods

    def rng(self, name: str) -> Generator:
        return torch.Generator().manual_seed(0)


@pytest.fixture
def evidence() -> Callable[..., Evidence]:
    return GivenEvidence


@pytest.fixture(scope="session")
def digits() -> Splits:
    return pytest.importorskip("genbench_datasets.digits").Digits().load()


@pytest.fixture(scope="session")
def noisy(digits: Splits) -> Tensor:
    """The training images with noise on them, uint8 (898, 1, 8, 8)."""
    noise = torch.randn(digits.train.x.shape, generator=torch.Generator().manual_seed(0)) * 25
    return (digits.train.x + noise).clamp(0, 255).round().to(torch.uint8)


@pytest.fixture(scope="session")
def extractor() -> DigitsCNN:
    return DigitsCNN()


@pytest.fixture(scope="session")
def fidelity(
    extractor: DigitsCNN, digits: Splits, noisy: Tensor
) -> Callable[..., dict[str, float]]:
    """torch-fidelity from end to end: images in, scores out, with the extractor registered."""
    from torch.utils.data import Dataset
    from torch_fidelity import calculate_metrics, register_feature_extractor
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase

    class Registered(FeatureExtractorBase):
        def __init__(self, name: str, features_list: list[str], **_: Any) -> None:
            super().__init__(name, features_list)

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("features",)

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "features"

        def forward(self, x: Tensor) -> tuple[Tensor]:
            return (extractor(x),)

    class Images(Dataset[Tensor]):
        def __init__(self, x: Tensor) -> None:
            self.x = x

        def __len__(self) -> int:
            return len(self.x)

        def __getitem__(self, index: int) -> Tensor:
            return self.x[index]

    register_feature_extractor("digits-cnn", Registered)

    def calculate(**options: Any) -> dict[str, float]:
        return calculate_metrics(
            input1=Images(noisy),
            input2=Images(digits.test.x),
            feature_extractor="digits-cnn",
            cuda=False,
            save_cpu_ram=True,  # no worker processes
            verbose=False,
            **options,
        )

    return calculate
