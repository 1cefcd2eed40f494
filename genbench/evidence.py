"""What metrics measure, drawn once and shared: samples, reconstructions, codes and features.

Everything a model returns is checked here, on its way in: a wrong shape or a NaN never becomes a
number.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from genbench import sampling_cost
from genbench.contract import DataSpec, Extractor, History, Manifold, Weights, has
from genbench.data import DeviceSplit, LoadedData, to_model, to_rest
from genbench.dequantise import dequantised
from genbench.environment import wait_for
from genbench.errors import ContractError
from genbench.reference import Reference
from genbench.streams import generator

BLOCK = 500
"""Examples that a model sees at once, samples aside."""


@dataclass
class RunEvidence:
    """The evidence of one model with one set of weights; `genbench.contract.Evidence`.

    Everything is lazy: what no metric asks for is never drawn.
    """

    model: Any
    loaded: LoadedData
    real: DeviceSplit
    history: History
    weights: Weights
    reference: Reference
    """Features of the data, kept from one evaluation to the next."""
    sample_count: int
    sampling_chunk: int
    seed: int

    @property
    def data(self) -> DataSpec:
        """What the model was told of the data."""
        return self.loaded.spec

    @property
    def extractor(self) -> Extractor | None:
        """What takes the features, if there is one."""
        return self.reference.extractor

    @property
    def manifold(self) -> Manifold | None:
        """That of the data set, if it is known."""
        return self.loaded.manifold

    @property
    def train(self) -> DeviceSplit:
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
        rng = generator(self.seed, "sampling", self.real.device)
        drawn = []
        outside = 0
        seconds = 0.0
        for start in range(0, self.sample_count, self.sampling_chunk):
            n = min(self.sampling_chunk, self.sample_count - start)
            started = time.perf_counter()
            x = self.model.sample(n, rng)
            wait_for(self.real.device)
            seconds += time.perf_counter() - started
            x = self._checked(f"sample({n})", x, (n, *self.data.shape))
            if self.data.kind == "image":
                outside += int((x.abs() > 1).sum())
                x = to_rest(x)
            drawn.append(x)
        samples = torch.cat(drawn)
        return samples, seconds, outside / samples.numel()

    @cached_property
    def sampling_latency_seconds(self) -> float:
        """What drawing a single sample takes."""
        return sampling_cost.latency_seconds(self.model, self.seed, self.real.device)

    @cached_property
    def sampling_flops(self) -> float:
        """Of one sample, in the protocol's chunks."""
        n = min(self.sampling_chunk, self.sample_count)
        return sampling_cost.flops(self.model, n, self.seed, self.real.device)

    @cached_property
    def originals(self) -> Tensor:
        """The real split as the model sees it; in main memory if the split had to stay there."""
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

    @cached_property
    def train_codes(self) -> Tensor:
        """Of ``train_originals``, float32 (N, latent)."""
        return self._in_blocks("encode", self.model.encode, self.train_originals, None)

    def features(self, of: Literal["real", "samples", "train"]) -> Tensor:
        """float32 (N, D) on the CPU, extracted once."""
        return self._sample_features if of == "samples" else self.reference.features(self._of(of))

    def logits(self, of: Literal["real", "samples", "train"]) -> Tensor:
        """float32 (N, classes) on the CPU, from ``features``."""
        features = self.features(of)
        logits: Tensor = self.extractor.logits(features.to(self.real.device))  # type: ignore[union-attr]
        if logits.ndim != 2 or len(logits) != len(features) or not logits.isfinite().all():
            raise ContractError(
                f"The extractor's logits() gave {tuple(logits.shape)} for features "
                f"{tuple(features.shape)}: finite values (N, classes) are what it promises."
            )
        return logits.float().cpu()

    def statistics(
        self,
        name: str,
        of: Literal["real", "train"],
        compute: Callable[[Tensor], Mapping[str, Tensor]],
    ) -> Mapping[str, Tensor]:
        """What a metric makes of a split's features, made once for all models."""
        return self.reference.statistics(name, self._of(of), lambda: compute(self.features(of)))

    def _of(self, of: Literal["real", "train"]) -> DeviceSplit:
        return self.real if of == "real" else self.loaded.train

    @cached_property
    def _sample_features(self) -> Tensor:
        return self.reference.extract(self.samples)

    def log_likelihoods(self, draws: int) -> Tensor:
        """Of the real split, dequantised ``draws`` times: float64 (draws, N) on the CPU, nats."""
        return self._likelihoods("log_likelihood", draws)

    def log_likelihood_bounds(self, draws: int, k: int) -> Tensor:
        """Like ``log_likelihoods``, of the bound from ``k`` draws of the model."""
        return self._likelihoods("log_likelihood_bound", draws, k)

    def _likelihoods(self, capability: str, draws: int, *arguments: int) -> Tensor:
        levels = self.data.levels
        noise = generator(self.seed, "dequantisation")
        rng = generator(self.seed, "likelihoods", self.real.device)
        function = getattr(self.model, capability)
        rows = []
        for _ in range(draws if levels is not None else 1):
            blocks = []
            for block in self.originals.split(BLOCK):
                x = dequantised(block.to(self.real.device, copy=True), levels, noise)
                call = f"{capability}({', '.join(('x', 'rng', *map(str, arguments)))})"
                given = self._checked(call, function(x, rng, *arguments), (len(block),))
                blocks.append(given.cpu().double())
            rows.append(torch.cat(blocks))
        return torch.stack(rows)

    def _in_blocks(
        self,
        name: str,
        function: Callable[[Tensor], Tensor],
        originals: Tensor,
        shape: tuple[int, ...] | None,
    ) -> Tensor:
        blocks = []
        for few in originals.split(BLOCK):
            # A copy: what a model does to it in place must not reach what it is measured by.
            x = few.to(self.real.device, copy=True)
            y = function(x)
            # A code's size is the model's choice; that there is one row for each example is not.
            expected = shape or (y.shape[1:] if isinstance(y, Tensor) and y.ndim == 2 else (-1,))
            y = self._checked(f"{name}(x)", y, (len(few), *expected))
            blocks.append(y.to(originals.device))
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
        elif need == "logits":
            if evidence.extractor is None:
                return "the data set names no extractor; give one with --extractor"
            if not callable(getattr(evidence.extractor, "logits", None)):
                return "the extractor is no classifier: it has no logits"
        elif need == "manifold":
            if evidence.manifold is None:
                return "the data set knows no manifold that its examples lie on"
        elif need == "labels":
            if not evidence.data.classes:
                return "the data set has no labels"
        elif need == "curve":
            if not evidence.history.curve:
                return "nothing was seen on the way: there is no curve"
        elif not has(evidence.model, need):
            return f"the model has no {need}"
    return None


def _shown(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join("latent" if size == -1 else str(size) for size in shape) + ")"
