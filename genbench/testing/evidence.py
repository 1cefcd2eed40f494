"""Made-up evidence for metrics, good or bad by construction, that notes what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from genbench.contract import CAPABILITIES, DataSpec, Examples, History, Need, Split
from genbench.data import DeviceSplit, to_model, to_rest
from genbench.errors import ContractError
from genbench.streams import generator
from genbench.testing import worlds

FEATURES = 8
LATENT = 4

Quality = Literal["good", "noise", "collapsed", "copied"]
"""What a model made of the data: what a perfect one would; noise; one thing again and again; the
training examples themselves."""


class _Model:
    """Has the capabilities that a metric declares to need, for `has` to find."""

    def __init__(self, needs: tuple[str, ...]) -> None:
        for capability in CAPABILITIES:
            if capability in needs:
                setattr(self, capability, lambda *arguments: None)


@dataclass(frozen=True)
class GivenEvidence:
    """The contract's ``Evidence``, all of it given.

    It offers what the metric's ``needs`` name and nothing else.
    """

    data: DataSpec
    needs: tuple[Need, ...]
    given_real: Examples
    given_train: Examples
    given_samples: Tensor
    """At rest."""
    given_reconstructions: Tensor
    """As a model sees them."""
    given_codes: Tensor
    rotation: Tensor
    """Of features: (D, D)."""
    history: History = field(
        default=History(
            images=2000,
            train_steps=100,
            train_seconds=10.0,
            parameters=1000,
            peak_memory_bytes=10**8,
        )
    )
    given_sampling_seconds: float = 0.5

    # ------------------------------------------------------------------------- what metrics see

    @property
    def real(self) -> Split:
        """The split that is measured against."""
        return self._split("test", self.given_real)

    @property
    def train(self) -> Split:
        """The training split."""
        return self._split("train", self.given_train)

    def _split(self, name: str, examples: Examples) -> Split:
        return DeviceSplit(name, examples, torch.device("cpu"))

    @property
    def model(self) -> Any:
        """With the capabilities that are needed."""
        return _Model(self.needs)

    @property
    def extractor(self) -> Any:
        """Something, where features are needed; for `genbench.evidence.missing_need`."""
        return object() if "features" in self.needs else None

    @property
    def samples(self) -> Tensor:
        """As at rest."""
        self._declared("samples", "sample")
        return self.given_samples

    @property
    def sampling_seconds(self) -> float:
        """What drawing them took."""
        self._declared("sampling_seconds", "sample")
        return self.given_sampling_seconds

    @property
    def clipped_fraction(self) -> float:
        """None were outside."""
        self._declared("clipped_fraction", "sample")
        return 0.0

    @property
    def originals(self) -> Tensor:
        """As the model sees them."""
        return to_model(self.given_real.x)

    @property
    def reconstructions(self) -> Tensor:
        """Of ``originals``."""
        self._declared("reconstructions", "reconstruct")
        return self.given_reconstructions

    @property
    def train_originals(self) -> Tensor:
        """As the model sees them."""
        return to_model(self.given_train.x)

    @property
    def train_reconstructions(self) -> Tensor:
        """Of ``train_originals``: half a level off."""
        self._declared("train_reconstructions", "reconstruct")
        return self.train_originals + 1 / 255

    @property
    def codes(self) -> Tensor:
        """Of ``originals``."""
        self._declared("codes", "encode")
        return self.given_codes

    def features(self, of: Literal["real", "samples", "train"]) -> Tensor:
        """A fixed map of the examples, rotated."""
        self._declared(f"features({of!r})", "features")
        if of == "samples":
            self._declared("features('samples')", "sample")
        x = {"real": self.given_real.x, "train": self.given_train.x, "samples": self.given_samples}[
            of
        ]
        return (_features(x) @ self.rotation).float()

    def rng(self, name: str) -> Generator:
        """At its start every time."""
        return generator(0, f"metric/{name}")

    def _declared(self, what: str, need: Need) -> None:
        if need not in self.needs:
            raise UndeclaredError(what, need)

    # -------------------------------------------------------------------------- what checks do

    def reordered(self, what: Literal["samples", "real"]) -> GivenEvidence:
        """The same in another order."""
        if what == "samples":
            order = _order(len(self.given_samples))
            return replace(self, given_samples=self.given_samples[order])
        order = _order(len(self.given_real.x))
        x, y = self.given_real
        return replace(
            self,
            given_real=Examples(x[order], None if y is None else y[order]),
            given_reconstructions=self.given_reconstructions[order],
            given_codes=self.given_codes[order],
        )

    def rotated(self) -> GivenEvidence:
        """Features seen from another side."""
        noise = torch.randn(FEATURES, FEATURES, generator=_rng(), dtype=torch.float64)
        return replace(self, rotation=torch.linalg.qr(noise).Q)

    def slower(self) -> GivenEvidence:
        """The same from a slower machine with more memory."""
        history = replace(
            self.history,
            train_seconds=3 * self.history.train_seconds,
            peak_memory_bytes=2 * self.history.peak_memory_bytes,
        )
        return replace(self, history=history, given_sampling_seconds=2.0)

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Everything that is shared by all metrics, by the name that they know it by."""
        yield "real.x", self.given_real.x
        yield "train.x", self.given_train.x
        yield "samples", self.given_samples
        yield "reconstructions", self.given_reconstructions
        yield "codes", self.given_codes


class UndeclaredError(ContractError):
    """A metric asked for evidence that its ``needs`` do not name."""

    def __init__(self, what: str, need: str) -> None:
        super().__init__(f"It asks for evidence.{what} but its needs do not name {need!r}.")


def made_up(
    needs: tuple[Need, ...], quality: Quality = "good", kind: Literal["image", "points"] = "image"
) -> GivenEvidence:
    """Evidence of a made-up model on made-up data of 256 training and 128 test examples."""
    shape = (1, 8, 8) if kind == "image" else (2,)
    splits = worlds.splits(shape, n=4)
    real, train = splits.test, splits.train
    labels = worlds.CLASSES if "labels" in needs else 0
    if not labels:
        real, train = Examples(real.x), Examples(train.x)
    originals = to_model(real.x)
    noise = torch.randn(originals.shape, generator=_rng())
    noise = noise.clamp(-1, 1) if kind == "image" else 3 * noise
    mean = originals.mean(0, keepdim=True).expand_as(originals)
    # Of the same distribution as the real ones, and none of them.
    fresh = to_model(worlds.splits(shape, n=5).test.x[: len(real.x)])
    mapping = torch.randn(originals[0].numel(), LATENT, generator=_rng())
    codes = originals.flatten(1) @ mapping
    samples, reconstructions, encoded = {
        "good": (fresh, originals + 0.05 * noise, codes),
        "noise": (noise, noise, torch.randn(codes.shape, generator=_rng())),
        "collapsed": (fresh[:1].expand_as(fresh), mean, codes[:1].expand_as(codes)),
        "copied": (to_model(train.x[: len(real.x)]), originals, codes),
    }[quality]
    if kind == "image":
        samples, reconstructions = to_rest(samples), reconstructions.clamp(-1, 1)
    return GivenEvidence(
        data=DataSpec(
            "made-up", kind, shape, len(train.x), labels, 256 if kind == "image" else None
        ),
        needs=needs,
        given_real=real,
        given_train=train,
        given_samples=samples.clone(),
        given_reconstructions=reconstructions.clone(),
        given_codes=encoded.clone(),
        rotation=torch.eye(FEATURES, dtype=torch.float64),
    )


def _features(x: Tensor) -> Tensor:
    flat = to_model(x).flatten(1).double()
    weight = torch.randn(flat.shape[1], FEATURES, generator=_rng(), dtype=torch.float64)
    features: Tensor = (flat @ weight / flat.shape[1] ** 0.5).tanh()
    return features


def _order(n: int) -> Tensor:
    return torch.randperm(n, generator=_rng())


def _rng() -> Generator:
    return torch.Generator().manual_seed(0)
