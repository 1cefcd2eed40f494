"""Shares of classes: those of training examples, and how far from them those of samples are."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genbench.contract import Measurement, Split
from genbench.errors import GenbenchError


def counts(metric: str, train: Split, classes: int) -> Tensor:
    """How many training examples each class has: int64 (M,), on the CPU.

    Raises:
        GenbenchError: there are no labels, or a class has no example.
    """
    if train.y is None:
        raise GenbenchError(f"{metric} needs labels, {train.name} has none.")
    counted = torch.bincount(train.y.cpu(), minlength=classes)
    missing = (counted == 0).nonzero().flatten().tolist()
    if missing:
        raise GenbenchError(
            f"{metric} takes one class as one mode, but class {missing[0]} of {classes} has "
            f"no example in {train.name}."
        )
    return counted


def divergence(q: Tensor, p: Tensor, n: int) -> Measurement:
    """KL(q || p) in nats of shares (M,), where q is of n samples; with its standard error."""
    found = q > 0
    q, ratio = q[found], (q[found] / p[found]).log()
    kl = (q * ratio).sum().item()
    first_order = (q * ratio.square()).sum().item() - kl**2  # the variance of log q/p under q
    where_equal = (len(p) - 1) / 2 / n
    return Measurement(max(0.0, kl), math.sqrt((max(0.0, first_order) + where_equal) / n))
