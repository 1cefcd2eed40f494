"""The parts that evidence is given in, and what it takes for a metric to see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

from genbench.contract import Batch, Need
from genbench.data import to_model
from genbench.errors import ContractError

Part = Literal[
    "real",
    "real_labels",
    "originals",
    "real_features",
    "real_logits",
    "reconstructions",
    "codes",
    "log_likelihoods",
    "log_likelihood_bounds",
    "train",
    "train_labels",
    "train_originals",
    "train_features",
    "train_logits",
    "train_reconstructions",
    "train_codes",
    "samples",
    "sample_features",
    "sample_logits",
]
"""What may be given of examples: one row for each, log likelihoods one column."""

PARTS: tuple[Part, ...] = get_args(Part)
OF_SAMPLES: tuple[Part, ...] = ("samples", "sample_features", "sample_logits")
OF_TRAIN: tuple[Part, ...] = tuple(part for part in PARTS if part.startswith("train"))
OF_REAL: tuple[Part, ...] = tuple(p for p in PARTS if p not in (*OF_SAMPLES, *OF_TRAIN))
OF_DATA: tuple[Part, ...] = tuple(
    p
    for p in PARTS
    if p not in OF_SAMPLES and (p in ("real", "train") or p.endswith(("labels", "features")))
)
"""Whatever the model: what the data set and the extractor give."""
ON_THE_CPU: tuple[Part, ...] = tuple(
    p for p in PARTS if p.endswith(("features", "logits")) or p.startswith("log_likelihood")
)
"""Wherever the model is; the contract says so."""
SEEN: tuple[Part, ...] = (
    "originals",
    "reconstructions",
    "train_originals",
    "train_reconstructions",
)
"""As a model sees examples: images in [-1, 1]."""
COMPUTED: tuple[Part, ...] = tuple(
    p for p in PARTS if p in ON_THE_CPU or p.endswith(("reconstructions", "codes"))
)
"""By a model or an extractor, in float32."""
FEATURES: tuple[Part, ...] = ("real_features", "train_features", "sample_features")


@dataclass(frozen=True)
class GivenSplit:
    """The contract's ``Split`` of tensors that are there."""

    name: str
    size: int
    given_x: Tensor | None
    y: Tensor | None

    @property
    def x(self) -> Tensor:
        """As at rest."""
        if self.given_x is None:
            raise NotGivenError(f"{self.name}.x", "train" if self.name == "train" else "real")
        return self.given_x

    def __len__(self) -> int:
        return self.size

    def batches(self, n: int) -> Iterator[Batch]:
        """Converted batches of ``n``, in order."""
        for start in range(0, len(self), n):
            y = None if self.y is None else self.y[start : start + n]
            yield Batch(to_model(self.x[start : start + n]), y)


def need_of(part: Part) -> Need | None:
    """What a metric must need to ask for a part; of samples ``sample`` as well."""
    if part == "samples":
        return "sample"
    if part.endswith("features"):
        return "features"
    if part.endswith("logits"):
        return "logits"
    if part.endswith("labels"):
        return "labels"
    if part.endswith("reconstructions"):
        return "reconstruct"
    if part.endswith("codes"):
        return "encode"
    if part == "log_likelihoods":
        return "log_likelihood"
    return "log_likelihood_bound" if part == "log_likelihood_bounds" else None


def axis(part: Part) -> int:
    """Along which the examples of a part lie."""
    return 1 if part.startswith("log_likelihood") else 0


def count(part: Part, tensor: Tensor) -> int:
    """How many examples a part is of."""
    return tensor.shape[axis(part)]


class UndeclaredError(ContractError):
    """A metric asked for evidence that its ``needs`` do not name."""

    def __init__(self, what: str, need: str) -> None:
        super().__init__(f"It asks for evidence.{what} but its needs do not name {need!r}.")


class NotGivenError(ContractError):
    """Evidence was asked for that `evidence_of` was not given."""

    def __init__(self, what: str, part: str) -> None:
        super().__init__(f"evidence.{what} was not given: evidence_of({part}=…) gives it.")
