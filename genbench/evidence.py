"""What metrics measure, drawn once and shared: samples, reconstructions, codes and features.

Everything a model returns is checked here, on its way in: a wrong shape or a NaN never becomes a
number.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from genbench.contract import DataSpec, Extractor, History, Split, has
from genbench.data import DeviceSplit, LoadedData, to_model, to_rest
from genbench.environment import wait_for
from genbench.errors import ContractError
from genbench.streams import generator

BLOCK = 500
"""Examples that a model or an extractor sees at once, samples aside."""


@dataclass
class RunEvidence:
    """The evidence of one model with one set of weights; `genbench.contract.Evidence`.

    Everything is lazy: what no metric asks for is never drawn.
    """

    model: Any
    loaded: LoadedData
    real: DeviceSplit
    history: History
    extractor: Extractor | None
    sample_count: int
    sampling_chunk: int
    seed: int
    real_features: dict[str, Tensor]
    """By split: what this extractor gave, kept from one evaluation of a run to the next."""

    @property
    def data(self) -> DataSpec:
        """What the model was told of the data."""
        return self.loaded.spec

    @property
    def train(self) -> Split:
        """The training split."""
        return self.loaded.train

    def rng(self, name: str) -> Generator:
        """A CPU stream that depends on the run's seed and the name alone."""
        return generator(self.seed, f"metric/{name}")

    @property
    def samples(self) -> Tensor:
        """``sample_count`` of them, as at rest, drawn in the protocol's chunks."""
        return self._drawn[0]

    @property
    def sampling_seconds(self) -> float:
        """What drawing ``samples`` took."""
        return self._drawn[1]

    @property
    def clipped_fraction(self) -> float:
        """Of the sampled values, those outside [-1, 1]."""
        return self._drawn[2]

    @cached_property
    def _drawn(self) -> tuple[Tensor, float, float]:
        rng = generator(self.seed, "sampling", self.real.x.device)
        drawn = []
        outside = 0
        seconds = 0.0
        for start in range(0, self.sample_count, self.sampling_chunk):
            n = min(self.sampling_chunk, self.sample_count - start)
            started = time.perf_counter()
            x = self.model.sample(n, rng)
            wait_for(self.real.x.device)
            seconds += time.perf_counter() - started
            x = self._checked(f"sample({n})", x, (n, *self.data.shape))
            if self.data.kind == "image":
                outside += int((x.abs() > 1).sum())
                x = to_rest(x)
            drawn.append(x)
        samples = torch.cat(drawn)
        return samples, seconds, outside / samples.numel()

    @cached_property
    def originals(self) -> Tensor:
        """The real split as the model sees it."""
        return to_model(self.real.x)

    @cached_property
    def reconstructions(self) -> Tensor:
        """Of ``originals``, images clipped to [-1, 1]."""
        return self._reconstructed(self.originals)

    @cached_property
    def train_originals(self) -> Tensor:
        """The training split as the model sees it."""
        return to_model(self.loaded.train.x)

    @cached_property
    def train_reconstructions(self) -> Tensor:
        """Of ``train_originals``, images clipped to [-1, 1]."""
        return self._reconstructed(self.train_originals)

    def _reconstructed(self, originals: Tensor) -> Tensor:
        reconstruct = self.model.reconstruct
        x = self._in_blocks("reconstruct", reconstruct, originals, self.data.shape)
        return x.clamp_(-1, 1) if self.data.kind == "image" else x

    @cached_property
    def codes(self) -> Tensor:
        """Of ``originals``, float32 (N, latent)."""
        return self._in_blocks("encode", self.model.encode, self.originals, None)

    def features(self, of: Literal["real", "samples", "train"]) -> Tensor:
        """float32 (N, D) on the CPU, extracted once."""
        if of == "samples":
            return self._sample_features
        split = self.real if of == "real" else self.loaded.train
        if split.name not in self.real_features:
            self.real_features[split.name] = self._extract(split.x)
        return self.real_features[split.name]

    @cached_property
    def _sample_features(self) -> Tensor:
        return self._extract(self.samples)

    def _extract(self, x: Tensor) -> Tensor:
        assert self.extractor is not None, "metrics that need features are applied with one"
        blocks = []
        for block in x.split(BLOCK):
            features = self.extractor(block)
            if features.ndim != 2 or len(features) != len(block) or not features.isfinite().all():
                raise ContractError(
                    f"The extractor gave features {tuple(features.shape)} for {len(block)} "
                    "examples: finite values (N, D) are what it promises."
                )
            blocks.append(features.float().cpu())
        return torch.cat(blocks)

    def _in_blocks(
        self,
        name: str,
        function: Callable[[Tensor], Tensor],
        originals: Tensor,
        shape: tuple[int, ...] | None,
    ) -> Tensor:
        blocks = []
        for x in originals.split(BLOCK):
            y = function(x)
            # A code's size is the model's choice; that there is one row for each example is not.
            expected = shape or (y.shape[1:] if isinstance(y, Tensor) and y.ndim == 2 else (-1,))
            blocks.append(self._checked(f"{name}(x)", y, (len(x), *expected)))
        return torch.cat(blocks)

    def _checked(self, call: str, x: object, shape: tuple[int, ...]) -> Tensor:
        asked = f"{call} was asked for float32 {_shown(shape)}; "
        if not isinstance(x, Tensor):
            raise ContractError(f"{asked}{type(x).__name__} came.")
        if x.dtype != torch.float32 or tuple(x.shape) != shape:
            raise ContractError(
                f"{asked}{str(x.dtype).removeprefix('torch.')} {_shown(x.shape)} came."
            )
        if not bool(x.isfinite().all()):
            wrong = int((~x.isfinite()).sum())
            raise ContractError(f"{asked}{wrong} of {x.numel()} values are NaN or infinite.")
        return x.detach()


def missing_need(metric: Any, evidence: RunEvidence) -> str | None:
    """Why a metric does not apply to a model on this data; None where it does."""
    for need in metric.needs:
        if need == "features":
            if evidence.extractor is None:
                return "the data set names no extractor; give one with --extractor"
        elif need == "labels":
            if not evidence.data.classes:
                return "the data set has no labels"
        elif not has(evidence.model, need):
            return f"the model has no {need}"
    return None


def _shown(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join("latent" if size == -1 else str(size) for size in shape) + ")"
