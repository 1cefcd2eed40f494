"""Data on the device: the one place where what is at rest becomes what a model sees, and back.

Images are uint8 at rest and float32 in [-1, 1] in a model; points are float32 in both.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genbench.contract import Batch, Dataset, DataSpec, Examples, Manifold, Splits
from genbench.errors import ContractError, GenbenchError


def to_model(x: Tensor) -> Tensor:
    """uint8 images to float32 in [-1, 1]; points as they are."""
    return x.to(torch.float32).div_(127.5).sub_(1) if x.dtype == torch.uint8 else x


def to_rest(x: Tensor) -> Tensor:
    """float32 images in [-1, 1] to uint8, the nearest value; what is outside is clipped."""
    return x.clamp(-1, 1).add(1).mul_(127.5).round_().to(torch.uint8)


class DeviceSplit:
    """A split as one tensor on the device; fulfils `genbench.contract.Split`.

    What would take more than `LARGEST_SHARE` of a device's free memory stays where it is, in main
    memory or mapped from a file, and goes to the device batch by batch.
    """

    def __init__(self, name: str, examples: Examples, device: torch.device) -> None:
        self.name = name
        self.device = device
        self.x = examples.x if _too_large(examples.x, device) else examples.x.to(device)
        self.y = None if examples.y is None else examples.y.to(device)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def order_device(self) -> torch.device:
        """Where the indices for `take` are drawn: beside the examples."""
        return self.x.device

    def take(self, index: Tensor) -> Batch:
        """The batch of the examples at ``index``, int64 (N,) on ``order_device``, on the device."""
        x = self._on_device(self.x.index_select(0, index))
        y = None if self.y is None else self.y.index_select(0, index.to(self.device))
        return Batch(to_model(x), y)

    def batches(self, n: int) -> Iterator[Batch]:
        """Converted batches of ``n`` (the last may be smaller), always in the same order."""
        for start in range(0, len(self), n):
            y = None if self.y is None else self.y[start : start + n]
            yield Batch(to_model(self._on_device(self.x[start : start + n])), y)

    def _on_device(self, x: Tensor) -> Tensor:
        if x.device == self.device:
            return x
        return x.pin_memory().to(self.device, non_blocking=True)


LARGEST_SHARE = 0.25
"""Of a device's free memory, what one split may take."""


def _too_large(x: Tensor, device: torch.device) -> bool:
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return x.nbytes > LARGEST_SHARE * free


@dataclass(frozen=True)
class LoadedData:
    """A data set in memory, checked, with what the leaderboard says of it."""

    spec: DataSpec
    fingerprint: str
    train: DeviceSplit
    validation: DeviceSplit
    test: DeviceSplit
    manifold: Manifold | None = None


class Order:
    """Which examples come next: one random permutation after another, without end.

    The permutation of an epoch depends on the seed and the epoch alone and is drawn on the CPU, so
    the order is the same on every device, and ``position`` is all that it takes to go on.
    """

    def __init__(self, size: int, seed: int, device: torch.device, position: int = 0) -> None:
        self.size = size
        self.seed = seed
        self.device = device
        self.position = position
        self._epoch = -1
        self._permutation = torch.empty(0, dtype=torch.int64)

    def draw(self, n: int) -> Tensor:
        """The next ``n`` indices, int64 (n,), on the device."""
        parts = []
        while n:
            epoch, offset = divmod(self.position, self.size)
            part = self._of_epoch(epoch)[offset : offset + n]
            parts.append(part)
            self.position += len(part)
            n -= len(part)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _of_epoch(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed((self.seed + epoch) % 2**63)
            permutation = torch.randperm(self.size, generator=generator)
            if self.device.type == "cuda":
                permutation = permutation.pin_memory()  # else the copy waits for the device
            self._permutation = permutation.to(self.device, non_blocking=True)
            self._epoch = epoch
        return self._permutation


def load(name: str, dataset: Dataset, device: torch.device) -> LoadedData:
    """Read a data set, check what came, and put it on the device.

    Raises:
        ContractError: splits that are not what `genbench.contract.Splits` promises.
        GenbenchError: content that differs from the fingerprint that the data set declares.
    """
    for attribute in ("classes", "levels", "extractor", "load"):
        if not hasattr(dataset, attribute):
            raise ContractError(f"The data set {name!r} has no {attribute!r}.")
    splits = dataset.load()
    _check(name, dataset, splits)
    _check_overlap(name, splits)
    content = fingerprint(splits)
    declared = getattr(dataset, "fingerprint", content)
    if declared != content:
        raise GenbenchError(
            f"The content of the data set {name!r} has changed: its fingerprint is {content}, "
            f"declared is {declared}. Scores on it could not be compared with anybody's."
        )
    spec = DataSpec(
        name=name,
        kind="image" if splits.train.x.dtype == torch.uint8 else "points",
        shape=tuple(splits.train.x.shape[1:]),
        size=len(splits.train.x),
        classes=dataset.classes,
        levels=dataset.levels,
    )
    train, validation, test = (
        DeviceSplit(split, examples, device)
        for split, examples in zip(Splits._fields, splits, strict=True)
    )
    return LoadedData(spec, content, train, validation, test, getattr(dataset, "manifold", None))


def fingerprint(splits: Splits) -> str:
    """A hash of the content of a data set: every byte, shape and dtype of every split."""
    digest = hashlib.sha256()
    for split, examples in zip(Splits._fields, splits, strict=True):
        for part, tensor in zip(Examples._fields, examples, strict=True):
            if tensor is not None:
                header = f"{split}:{part}:{tensor.dtype}:{tuple(tensor.shape)}"
                digest.update(header.encode())
                # Its own memory, not a copy: it may be a mapped file, larger than what is free.
                digest.update(tensor.contiguous().numpy().reshape(-1).data)
    return digest.hexdigest()


MOST_SHARED = 0.01
"""Of the examples of one split, the share that may be in another: real data has some duplicates."""


def _check_overlap(name: str, splits: Splits) -> None:
    contents = [{_content(row) for row in examples.x.numpy()} for examples in splits]
    for (first, a), (second, b) in itertools.combinations(
        zip(Splits._fields, contents, strict=True), 2
    ):
        shared = len(a & b)
        if shared > MOST_SHARED * min(len(a), len(b)):
            raise ContractError(
                f"The data set {name!r} has {shared:,} examples that are in {first} and in {second}"
                ": a model would be measured on what it was trained on."
            )


def _content(row: Any) -> bytes:
    """What tells an example from all others, in a few bytes."""
    if row.nbytes <= SHORT_BYTES:
        return bytes(row.tobytes())
    return hashlib.blake2b(row, digest_size=SHORT_BYTES).digest()


SHORT_BYTES = 16
"""Of an example that is taken as it is; a longer one by a hash of as many."""


def _check(name: str, dataset: Dataset, splits: Any) -> None:
    def refuse(what: str) -> ContractError:
        return ContractError(f"The data set {name!r} gave {what}.")

    if not (isinstance(splits, tuple) and len(splits) == len(Splits._fields)):
        raise refuse(f"{type(splits).__name__} where load() must return genbench.Splits")
    for split, examples in zip(Splits._fields, splits, strict=True):
        parts = examples if isinstance(examples, tuple) else (examples,)
        tensors = [isinstance(part, Tensor) for part in parts if part is not None]
        if len(parts) != len(Examples._fields) or not all(tensors) or parts[0] is None:
            kinds = ", ".join(type(part).__name__ for part in parts)
            raise refuse(f"a {split} split of {kinds}: it is genbench.Examples of tensors")
    shape = splits[0][0].shape[1:]
    for split, (x, y) in zip(Splits._fields, splits, strict=True):
        if not (
            (x.dtype == torch.uint8 and x.ndim == 4) or (x.dtype == torch.float32 and x.ndim == 2)
        ):
            raise refuse(
                f"a {split} split of {x.dtype} {tuple(x.shape)}: images are uint8 (N, C, H, W), "
                "points float32 (N, D)"
            )
        if x.dtype != splits[0][0].dtype or x.shape[1:] != shape:
            raise refuse(f"splits of different kinds: {split} is {x.dtype} {tuple(x.shape)}")
        if len(x) == 0:
            raise refuse(f"an empty {split} split")
        if x.dtype == torch.float32 and not bool(x.isfinite().all()):
            raise refuse(f"points that are not finite in its {split} split")
        if (y is None) != (dataset.classes == 0):
            raise refuse(f"{'no ' if y is None else ''}labels but classes = {dataset.classes}")
        if y is not None and (
            y.dtype != torch.int64
            or y.shape != x.shape[:1]
            or int(y.min()) < 0
            or int(y.max()) >= dataset.classes
        ):
            raise refuse(
                f"labels of {split} that are not int64 ({len(x)},) from 0 to {dataset.classes - 1}"
            )
