"""`evidence_of`: evidence of tensors that an author writes down, for closed-form answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import torch
from torch import Tensor

from genbench.contract import DataSpec, History, Manifold, Need, Weights
from genbench.errors import ContractError
from genbench.testing.evidence import GivenEvidence
from genbench.testing.history import HISTORY
from genbench.testing.parts import (
    OF_REAL,
    OF_SAMPLES,
    OF_TRAIN,
    PARTS,
    SEEN,
    Part,
    count,
    need_of,
)


def evidence_of(
    *,
    samples: Tensor | None = None,
    real: Tensor | None = None,
    train: Tensor | None = None,
    real_labels: Tensor | None = None,
    train_labels: Tensor | None = None,
    sample_features: Tensor | None = None,
    real_features: Tensor | None = None,
    train_features: Tensor | None = None,
    sample_logits: Tensor | None = None,
    real_logits: Tensor | None = None,
    train_logits: Tensor | None = None,
    originals: Tensor | None = None,
    reconstructions: Tensor | None = None,
    train_originals: Tensor | None = None,
    train_reconstructions: Tensor | None = None,
    codes: Tensor | None = None,
    train_codes: Tensor | None = None,
    log_likelihoods: Tensor | None = None,
    log_likelihood_bounds: Tensor | None = None,
    manifold: Manifold | None = None,
    history: History = HISTORY,
    sampling_seconds: float = 0.5,
    sampling_latency_seconds: float = 0.01,
    sampling_flops: float = 1e6,
    clipped_fraction: float = 0.0,
    weights: Weights = "average",
    data: DataSpec | None = None,
) -> GivenEvidence:
    """Evidence that offers just what it is given, for a metric's own known answers.

    A metric whose answer has a closed form is held to it in three lines, without a model::

        given = evidence_of(sample_features=torch.ones(9, 4), real_features=torch.zeros(5, 4))
        assert MyMetric().measure(given)["distance"] == pytest.approx(2)

    Asked for anything else it says so. Everything is finite or not as it is given: a metric's
    refusal of a NaN can be tried as well.

    Args:
        samples: as ``real`` and ``train`` at rest: uint8 (n, C, H, W) or float32 (n, D).
        real: the split that is measured against.
        train: the training split.
        real_labels: as ``train_labels`` int64 (N,).
        train_labels: of the training split.
        sample_features: as those of the splits float32 (n, D).
        real_features: of the real split.
        train_features: of the training split.
        sample_logits: as those of the splits float32 (n, classes).
        real_logits: of the real split.
        train_logits: of the training split.
        originals: ``real`` as the model sees it; made of ``real`` unless they are given.
        reconstructions: like ``originals``: float32, images in [-1, 1].
        train_originals: ``train`` as the model sees it; made of it unless they are given.
        train_reconstructions: like ``train_originals``.
        codes: as ``train_codes`` float32 (N, latent).
        train_codes: of the training split.
        log_likelihoods: of the real split, float64 (draws, N), in nats; a metric that asks for
            more draws gets the first ones again.
        log_likelihood_bounds: like ``log_likelihoods``, the same for every ``k``.
        manifold: of the data.
        history: of the training, with its curve.
        sampling_seconds: what drawing ``samples`` took.
        sampling_latency_seconds: what drawing a single one takes.
        sampling_flops: operations of a single one.
        clipped_fraction: of the sampled values, those that were outside [-1, 1].
        weights: which ones are evaluated.
        data: what a model was told; unless it is given, what the tensors show of it.

    Raises:
        ContractError: a tensor that no run would give: another dtype or number of dimensions, an
            image out of range, or another number of examples than the rest of its split.
    """
    here = locals()
    given: dict[Part, Tensor] = {part: here[part] for part in PARTS if here[part] is not None}
    _hold(given)
    needs = {need for part in given if (need := need_of(part)) is not None}
    if set(OF_SAMPLES) & set(given):
        needs.add("sample")
    if manifold is not None:
        needs.add("manifold")
    return GivenEvidence(
        data=data or _spec(given),
        needs=tuple(need for need in get_args(Need) if need in needs),
        given=given,
        weights=weights,
        given_manifold=manifold,
        history=history,
        given_sampling_seconds=sampling_seconds,
        given_sampling_latency_seconds=sampling_latency_seconds,
        given_sampling_flops=sampling_flops,
        given_clipped_fraction=clipped_fraction,
    )


AT_REST: tuple[Part, ...] = ("samples", "real", "train")


def _hold(given: Mapping[Part, Tensor]) -> None:
    for part, tensor in given.items():
        promised = _promised(part, tensor)
        if promised:
            came = f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
            raise ContractError(f"evidence_of was given {part} {came}: {promised}.")
        image = part in SEEN and tensor.ndim == 4 and tensor.numel()
        # NaN is neither below nor above: what a metric makes of it is its own affair.
        if image and bool((tensor.abs() > 1).any()):
            raise ContractError(
                f"evidence_of was given {part} from {float(tensor.min()):.4g} to "
                f"{float(tensor.max()):.4g}: images are in [-1, 1] in a model."
            )
    for parts in (OF_REAL, OF_TRAIN, OF_SAMPLES):
        counts = {part: count(part, given[part]) for part in parts if part in given}
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{n} {part}" for part, n in counts.items())
            raise ContractError(f"evidence_of was given {listed}: they are of the same examples.")


def _promised(part: Part, tensor: Tensor) -> str:
    """What the contract promises in place of this tensor; empty where it is just that."""
    image = tensor.ndim == 4
    if part in AT_REST:
        fine = tensor.dtype == (torch.uint8 if image else torch.float32) and tensor.ndim in (2, 4)
        return "" if fine else "at rest images are uint8 (N, C, H, W), points float32 (N, D)"
    if part in SEEN:
        fine = tensor.dtype == torch.float32 and tensor.ndim in (2, 4)
        return "" if fine else "a model sees float32 (N, C, H, W) or (N, D)"
    if part.endswith("labels"):
        return "" if tensor.dtype == torch.int64 and tensor.ndim == 1 else "labels are int64 (N,)"
    if part.startswith("log_likelihood"):
        fine = tensor.dtype == torch.float64 and tensor.ndim == 2
        return "" if fine else "log likelihoods are float64 (draws, N)"
    fine = tensor.dtype == torch.float32 and tensor.ndim == 2
    return "" if fine else "one row of float32 for each example is what there is"


def _spec(given: Mapping[Part, Tensor]) -> DataSpec:
    """What the tensors show of the data; points of one dimension where they show nothing."""
    shown = next((given[part] for part in (*AT_REST, *SEEN) if part in given), torch.empty(0, 1))
    image = shown.ndim == 4
    labels = [tensor for part, tensor in given.items() if need_of(part) == "labels"]
    classes = max((int(y.max()) + 1 for y in labels if len(y)), default=0)
    sizes = [count(part, given[part]) for part in OF_TRAIN if part in given]
    return DataSpec(
        name="given",
        kind="image" if image else "points",
        shape=tuple(shown.shape[1:]),
        size=sizes[0] if sizes else 0,
        classes=classes,
        levels=256 if image else None,
    )
