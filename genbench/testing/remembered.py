"""What a metric keeps in ``evidence.statistics``, held against what it would have kept before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

EXACT = 1e-6
"""Of the largest number: what the same sums round to in other places of memory."""


@dataclass
class Remembered:
    """The statistics of one metric with its options, by all else that a run keeps them by.

    That is the content of the data with its features, the split, and the name. What is handed out
    is always made anew, so that one fault shows in one check.
    """

    kept: dict[tuple[str, str, str], tuple[dict[str, Tensor], str]] = field(default_factory=dict)
    """What was made first, and of what evidence."""
    others: dict[str, str] = field(default_factory=dict)
    """By name, how it was something else later: one sentence each."""
    _handed: list[tuple[str, Tensor, Tensor]] = field(default_factory=list)

    def hold(
        self, data: Mapping[str, Tensor], name: str, of: str, made: Mapping[str, Tensor], title: str
    ) -> None:
        """Compare what was made of evidence of that title with what was made first."""
        for part, tensor in made.items():
            self._handed.append((f"statistics({name!r}, {of!r})[{part!r}]", tensor, tensor.clone()))
        now = {part: tensor.clone() for part, tensor in made.items()}
        first, earlier = self.kept.setdefault((content(data), of, name), (now, title))
        if not _alike(first, now):
            self.others.setdefault(
                name,
                f"What it keeps as {name!r} of the split {of!r} was one thing for {earlier}, and "
                f"another for {title}.",
            )

    def written_on(self) -> Iterator[str]:
        """What was handed out since this was last asked and is no longer what it was, by name."""
        handed, self._handed = self._handed, []
        for name, tensor, before in handed:
            if not torch.equal(tensor.nan_to_num(), before.nan_to_num()):
                yield name


def content(data: Mapping[str, Tensor]) -> str:
    """A hash of tensors by their names."""
    found = hashlib.sha256()
    for name, tensor in sorted(data.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def _alike(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    if a.keys() != b.keys():
        return False
    for x, y in ((a[part], b[part]) for part in a):
        if x.dtype != y.dtype or x.shape != y.shape:
            return False
        if not torch.allclose(x.double(), y.double(), 0, EXACT * _size(x), equal_nan=True):
            return False
    return True


def _size(x: Tensor) -> float:
    finite = x.double()[x.isfinite()].abs()
    return float(finite.max()) if len(finite) else 0.0
