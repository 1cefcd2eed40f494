"""The sets of features that metrics compare, checked."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from genbench.contract import Evidence
from genbench.errors import GenbenchError, NotApplicableError


def feature_pair(metric: str, evidence: Evidence, least: int = 2) -> tuple[Tensor, Tensor]:
    """Features of the samples and of the real split, both float32 (N, D).

    Raises:
        NotApplicableError: as for `features_of`.
        GenbenchError: likewise; or the two have different numbers of features.
    """
    samples = features_of("samples", metric, evidence, least)
    real = features_of("real", metric, evidence, least)
    if samples.shape[1] != real.shape[1]:
        raise GenbenchError(
            f"{metric} compares features of one extractor, but there are {samples.shape[1]} of a "
            f"sample and {real.shape[1]} of a real example."
        )
    return samples, real


def features_of(
    of: Literal["real", "samples", "train"], metric: str, evidence: Evidence, least: int = 2
) -> Tensor:
    """Features float32 (N, D), of at least ``least`` examples.

    Raises:
        NotApplicableError: fewer examples than that; the scores are then not applicable.
        GenbenchError: another dtype or number of dimensions, or values that are NaN or infinite.
    """
    features = evidence.features(of)
    split = evidence.real if of == "real" else evidence.train
    what = "samples" if of == "samples" else f"{of} examples of {split.name}"
    hold(metric, features, what, least)
    return features


def hold(metric: str, values: Tensor, what: str, least: int, kind: str = "features") -> None:
    """Refuse rows that no metric may turn into a number.

    Raises:
        NotApplicableError: as for `features_of`.
        GenbenchError: likewise.
    """
    if values.dtype != torch.float32 or values.ndim != 2:
        raise GenbenchError(
            f"{metric} takes {kind} float32 (N, D), those of {what} are "
            f"{str(values.dtype).removeprefix('torch.')} {tuple(values.shape)}."
        )
    if len(values) < least:
        raise NotApplicableError(f"{metric} needs at least {least} {what}, there are {len(values)}")
    # the least and the largest alone: a mask of all values would be a quarter of their size
    if values.numel() and not torch.stack(values.aminmax()).isfinite().all():
        raise GenbenchError(f"{metric} cannot be measured: {kind} of {what} are not finite.")
