"""Evidence that was given, not drawn; it notes what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from genbench.contract import CAPABILITIES, DataSpec, History, Manifold, Need, Weights
from genbench.data import to_model
from genbench.streams import generator
from genbench.testing import rulers
from genbench.testing.history import HISTORY
from genbench.testing.parts import (
    COMPUTED,
    FEATURES,
    OF_DATA,
    OF_REAL,
    OF_SAMPLES,
    OF_TRAIN,
    ON_THE_CPU,
    SEEN,
    GivenSplit,
    NotGivenError,
    Part,
    UndeclaredError,
    axis,
    count,
    need_of,
)
from genbench.testing.remembered import Remembered

ROUNDING = 1e-6
"""Of a number: what sums of hundreds of float32 numbers in another order make of it."""


class _Model:
    """Has the capabilities that a metric declares to need, for `has` to find."""

    def __init__(self, needs: tuple[str, ...]) -> None:
        for capability in CAPABILITIES:
            if capability in needs:
                setattr(self, capability, lambda *arguments: None)


@dataclass(frozen=True)
class GivenEvidence:
    """The contract's ``Evidence``, all of it given.

    It offers what ``needs`` name and nothing else, as a metric that asks for more would fail where
    a model cannot give it.
    """

    data: DataSpec
    needs: tuple[Need, ...]
    given: Mapping[Part, Tensor]
    """Features, logits and log likelihoods on the CPU, all else on one device."""
    title: str = "given"
    """What it is, as messages say it."""
    weights: Weights = "average"
    given_manifold: Manifold | None = None
    history: History = HISTORY
    given_sampling_seconds: float = 0.5
    given_sampling_latency_seconds: float = 0.01
    given_sampling_flops: float = 1e6
    given_clipped_fraction: float = 0.0
    seed: int = 0
    """Of the run."""
    remembered: Remembered | None = field(default=None, compare=False)
    """What the metric that measures has kept of this data and of other; None: nobody asks."""

    # ------------------------------------------------------------------------- what metrics see

    @property
    def real(self) -> GivenSplit:
        """The split that is measured against."""
        return self._split("test", "real", OF_REAL)

    @property
    def train(self) -> GivenSplit:
        """The training split."""
        return self._split("train", "train", OF_TRAIN)

    def _split(
        self, name: str, part: Literal["real", "train"], parts: tuple[Part, ...]
    ) -> GivenSplit:
        sizes = [count(p, self.given[p]) for p in parts if p in self.given]
        labels: Part = "real_labels" if part == "real" else "train_labels"
        y = self.given.get(labels) if "labels" in self.needs else None
        return GivenSplit(name, sizes[0] if sizes else 0, self.given.get(part), y)

    @property
    def model(self) -> Any:
        """With the capabilities that are needed."""
        return _Model(self.needs)

    @property
    def extractor(self) -> Any:
        """Something, where features or logits are needed; for `genbench.evidence.missing_need`."""
        if "logits" in self.needs:
            return SimpleNamespace(logits=lambda features: None)
        return object() if "features" in self.needs else None

    @property
    def manifold(self) -> Manifold | None:
        """That of the data; None where it is not needed, as for data without one."""
        return self.given_manifold if "manifold" in self.needs else None

    @property
    def samples(self) -> Tensor:
        """As at rest."""
        return self._part("samples", "samples", "sample")

    @property
    def sampling_seconds(self) -> float:
        """What drawing them took."""
        self._declared("sampling_seconds", "sample")
        return self.given_sampling_seconds

    @property
    def sampling_latency_seconds(self) -> float:
        """What drawing a single one takes."""
        self._declared("sampling_latency_seconds", "sample")
        return self.given_sampling_latency_seconds

    @property
    def sampling_flops(self) -> float:
        """Floating-point operations of a single one."""
        self._declared("sampling_flops", "sample")
        return self.given_sampling_flops

    @property
    def clipped_fraction(self) -> float:
        """Of sampled values, those that were outside."""
        self._declared("clipped_fraction", "sample")
        return self.given_clipped_fraction

    @property
    def originals(self) -> Tensor:
        """As the model sees them."""
        given = self.given.get("originals")
        return to_model(self._part("real", "originals")) if given is None else given

    @property
    def reconstructions(self) -> Tensor:
        """Of ``originals``."""
        return self._part("reconstructions", "reconstructions", "reconstruct")

    @property
    def train_originals(self) -> Tensor:
        """As the model sees them."""
        given = self.given.get("train_originals")
        return to_model(self._part("train", "train_originals")) if given is None else given

    @property
    def train_reconstructions(self) -> Tensor:
        """Of ``train_originals``."""
        return self._part("train_reconstructions", "train_reconstructions", "reconstruct")

    @property
    def codes(self) -> Tensor:
        """Of ``originals``."""
        return self._part("codes", "codes", "encode")

    @property
    def train_codes(self) -> Tensor:
        """Of ``train_originals``."""
        return self._part("train_codes", "train_codes", "encode")

    def features(self, of: Literal["real", "samples", "train"]) -> Tensor:
        """float32 (N, D)."""
        return self._of_extractor("features", of)

    def logits(self, of: Literal["real", "samples", "train"]) -> Tensor:
        """float32 (N, classes)."""
        return self._of_extractor("logits", of)

    def _of_extractor(
        self, what: Literal["features", "logits"], of: Literal["real", "samples", "train"]
    ) -> Tensor:
        needed: tuple[Need, ...] = (what, "sample") if of == "samples" else (what,)
        return self._part(f"{of.removesuffix('s')}_{what}", f"{what}({of!r})", *needed)  # type: ignore[arg-type]

    def statistics(
        self,
        name: str,
        of: Literal["real", "train"],
        compute: Callable[[Tensor], Mapping[str, Tensor]],
    ) -> Mapping[str, Tensor]:
        """What a metric makes of a split's features: made anew every time."""
        made = compute(self.features(of))
        if self.remembered is not None:
            data: dict[str, Tensor] = {p: self.given[p] for p in OF_DATA if p in self.given}
            self.remembered.hold(data, name, of, made, self.title)
        return made

    def log_likelihoods(self, draws: int) -> Tensor:
        """float64 (draws, N): those given, again from the first where there are fewer."""
        part = self._part("log_likelihoods", "log_likelihoods(…)", "log_likelihood")
        return self._drawn(part, draws)

    def log_likelihood_bounds(self, draws: int, k: int) -> Tensor:
        """Like ``log_likelihoods``; the same for every ``k``."""
        needed: Part = "log_likelihood_bounds"
        return self._drawn(
            self._part(needed, "log_likelihood_bounds(…)", "log_likelihood_bound"), draws
        )

    def _drawn(self, given: Tensor, draws: int) -> Tensor:
        rows = 1 if self.data.levels is None else draws
        return given[torch.arange(rows) % len(given)]

    def rng(self, name: str) -> Generator:
        """At its start every time."""
        return generator(self.seed, f"metric/{name}")

    def _declared(self, what: str, *needs: Need) -> None:
        for need in needs:
            if need not in self.needs:
                raise UndeclaredError(what, need)

    def _part(self, part: Part, what: str, *needs: Need) -> Tensor:
        self._declared(what, *needs)
        if part not in self.given:
            raise NotGivenError(what, part)
        return self.given[part]

    # -------------------------------------------------------------------------- what checks do

    def offered(self) -> Iterator[Part]:
        """The parts that a metric with these needs can ask for."""
        for part in self.given:
            need = need_of(part)
            drawn = part not in OF_SAMPLES or "sample" in self.needs
            if drawn and (need is None or need in self.needs):
                yield part

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Everything that is shared by all metrics, by the name that they know it by."""
        names = {"real": "real.x", "train": "train.x"}
        for part in self.offered():
            yield names.get(part, part), self.given[part]

    def changed(
        self, change: Callable[[Part, Tensor], Tensor], title: str = "", only: tuple[Part, ...] = ()
    ) -> GivenEvidence:
        """The same with other tensors: of all parts, or of some."""
        given = {p: change(p, t) if not only or p in only else t for p, t in self.given.items()}
        return replace(self, given=given, title=title or self.title)

    def taken(self, parts: tuple[Part, ...], index: Tensor, title: str = "") -> GivenEvidence:
        """The same of some examples: int64 (M,) of those that these parts are of."""

        def take(part: Part, tensor: Tensor) -> Tensor:
            return tensor.index_select(axis(part), index.to(tensor.device))

        return self.changed(take, title, parts)

    def reordered(self, what: Literal["samples", "real"]) -> GivenEvidence:
        """The same in another order."""
        parts = OF_SAMPLES if what == "samples" else OF_REAL
        size = next((count(p, self.given[p]) for p in parts if p in self.given), 0)
        order = torch.randperm(size, generator=_rng())
        return self.taken(parts, order, f"{self.title} in another order")

    def rotated(self) -> GivenEvidence:
        """Features seen from another side; made-up ones without any rounding."""
        return self.changed(
            lambda part, x: x @ rulers.ROTATION, f"{self.title} with its features rotated", FEATURES
        )

    def rounded(self) -> GivenEvidence:
        """As other sizes of batches would round what models and extractors compute."""

        def shake(part: Part, x: Tensor) -> Tensor:
            # Of each part another: a copy and its original are not extracted in one batch.
            rng = generator(0, f"rounding/{part}")
            rounding = torch.randn(x.shape, generator=rng) * ROUNDING
            shaken = x * (1 + rounding.to(x.device, x.dtype))
            if part not in SEEN or self.data.kind != "image":
                return shaken
            return torch.where(x.abs() < 1, shaken, x)  # what was clipped is clipped again

        return self.changed(shake, f"{self.title} from other sizes of batches", COMPUTED)

    def on(self, device: torch.device) -> GivenEvidence:
        """The same as a model on that device gives it."""
        return self.changed(
            lambda part, x: x if part in ON_THE_CPU else x.to(device), f"{self.title} on {device}"
        )

    def swapped(self) -> GivenEvidence:
        """Samples and real examples in each other's place."""
        pairs: dict[Part, Part] = {
            "real": "samples",
            "real_features": "sample_features",
            "real_logits": "sample_logits",
        }
        both = pairs | {sample: real for real, sample in pairs.items()}
        given = {both.get(part, part): tensor for part, tensor in self.given.items()}
        title = f"{self.title} with samples and real data swapped"
        # What else there is of each real example is not of the new ones, but must be as many.
        rows = torch.arange(replace(self, given=given).real.size)
        others = tuple(part for part in OF_REAL if part not in pairs)
        return replace(self, given=given).taken(others, rows, title)

    def of_another_run(self) -> GivenEvidence:
        """The same, scored in a run of another seed."""
        return replace(self, seed=self.seed + 1, title=f"{self.title} in a run of another seed")

    def slower(self) -> GivenEvidence:
        """The same from a slower machine with more memory."""
        curve = tuple(p._replace(seconds=3 * p.seconds) for p in self.history.curve)
        history = replace(
            self.history,
            train_seconds=3 * self.history.train_seconds,
            peak_memory_bytes=2 * self.history.peak_memory_bytes,
            curve=curve,
        )
        return replace(
            self,
            history=history,
            given_sampling_seconds=4 * self.given_sampling_seconds,
            given_sampling_latency_seconds=4 * self.given_sampling_latency_seconds,
            title=f"{self.title} on a slower machine",
        )


def _rng() -> Generator:
    return torch.Generator().manual_seed(0)
