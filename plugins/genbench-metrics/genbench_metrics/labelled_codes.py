"""Codes with labels, of two splits, as classifiers of scikit-learn take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genbench.contract import Evidence, Measurement, Split
from genbench.errors import GenbenchError, NotApplicableError
from genbench_metrics.averages import share_of

Array = Any
"""Of NumPy, whose own types say no more of a shape."""


@dataclass(frozen=True)
class LabelledCodes:
    """What a classifier of codes learns from, and what it is tried on."""

    metric: str
    split: str
    train_x: Array
    """float64 (N, latent)."""
    train_y: Array
    """int64 (N,)."""
    x: Array
    """float64 (M, latent) of the real split."""
    y: Array
    """int64 (M,)."""
    majority: int
    """The most frequent class of the whole training split."""

    def accuracy(self, named: Array) -> Measurement:
        """The share of classes int64 (M,) that are right, with its binomial standard error."""
        return share_of(self.metric, torch.from_numpy(named == self.y), self.split)

    def chance(self) -> float:
        """The accuracy of who looks at no code and always names the most frequent class."""
        return float((self.y == self.majority).mean())


def labelled_codes(metric: str, evidence: Evidence, most: int) -> LabelledCodes:
    """All of the real split, and up to ``most`` of the training split, drawn without replacement.

    Raises:
        NotApplicableError: one of the two is empty.
        GenbenchError: one has no labels, or a code is not finite.
    """
    y, train_y = (_labels(metric, split) for split in (evidence.real, evidence.train))
    chosen = torch.arange(len(train_y))
    if len(train_y) > most:
        order = torch.randperm(len(train_y), generator=evidence.rng(metric))
        chosen = order[:most].sort().values
    return LabelledCodes(
        metric=metric,
        split=evidence.real.name,
        train_x=_finite(metric, evidence.train_codes, evidence.train)[chosen].numpy(),
        train_y=train_y[chosen].numpy(),
        x=_finite(metric, evidence.codes, evidence.real).numpy(),
        y=y.numpy(),
        majority=int(train_y.bincount().argmax()),
    )


def _finite(metric: str, codes: Tensor, split: Split) -> Tensor:
    codes = codes.cpu().double()
    if not codes.isfinite().all():
        raise GenbenchError(f"{metric} cannot be measured: codes of {split.name} are not finite.")
    return codes


def _labels(metric: str, split: Split) -> Tensor:
    if split.y is None:
        raise GenbenchError(f"{metric} needs labels, {split.name} has none.")
    if len(split.y) == 0:
        raise NotApplicableError(f"{metric} needs at least 1 example, {split.name} is empty")
    return split.y.cpu()
