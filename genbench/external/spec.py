"""What names an external model, its protocol and a reference: what a `RunSpec` says of a run."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from genbench import plan, registry
from genbench.contract import DataSpec, Examples
from genbench.data import DeviceSplit, LoadedData
from genbench.errors import UsageError
from genbench.external.given import NoTrainingSplit
from genbench.external.read import check_finite, check_range
from genbench.leaderboard.schema import EXTERNAL
from genbench.plan import PluginSpec
from genbench.protocol import Evaluation, Protocol, Training, hash_of


class ExternalProtocol(Protocol):
    """Of a model whose budget nobody knows: only the number of its samples counts."""

    @property
    def fingerprint(self) -> str:
        """Of the number of samples: that of no protocol that something was trained under."""
        return hash_of([EXTERNAL, self.evaluation.samples])


def model_spec(name: str) -> PluginSpec:
    """A model that is no plugin."""
    return PluginSpec(
        kind="model",
        name=name,
        target=EXTERNAL,
        distribution=EXTERNAL,
        version=None,
        code=EXTERNAL,
        options={},
    )


def protocol_of(samples: int) -> ExternalProtocol:
    """The protocol of a model of which nothing is known but its samples."""
    return ExternalProtocol(
        name=EXTERNAL,
        dataset=EXTERNAL,
        metrics=(),
        training=Training(images=1, batch_size=1, average_half_life_images=1),
        evaluation=Evaluation(
            points=(1.0,), samples=samples, curve_samples=samples, sampling_chunk=500
        ),
    )


def check_name(name: str) -> None:
    """See that a name is one, and free.

    Raises:
        UsageError: it is none, or an installed model has it.
    """
    plan.check_name(name, f"name {name!r}")
    if name in registry.catalogue("model"):
        raise UsageError(
            f"{name!r} is the name of an installed model: its rows and those of samples from "
            "elsewhere would not be told apart. Choose another."
        )


def checked_samples(samples: Tensor, spec: DataSpec) -> Tensor:
    """Samples that can be scored, as they are: at rest, or as a model gives them.

    Raises:
        UsageError: of another shape, dtype or range; fewer than two; or NaN.
    """
    shown = f"{str(samples.dtype).removeprefix('torch.')} {tuple(samples.shape)}"
    at_rest = samples.dtype == torch.uint8 and spec.kind == "image"
    if not (at_rest or samples.dtype == torch.float32) or tuple(samples.shape[1:]) != spec.shape:
        takes = "uint8, or float32 in [-1, 1]," if spec.kind == "image" else "float32"
        raise UsageError(
            f"The samples are {shown}: of {spec.name} they are {takes} (N, "
            f"{', '.join(map(str, spec.shape))})."
        )
    if len(samples) < 2:
        raise UsageError(f"There is {len(samples)} sample: scores are of at least 2.")
    if not at_rest:
        check_finite("The samples", samples)
        if spec.kind == "image":
            check_range("The samples", samples)
    return samples


def digest(x: Tensor) -> str:
    """A hash of the content of a tensor, its dtype and its shape."""
    digest = hashlib.sha256(f"{x.dtype}:{tuple(x.shape)}:".encode())
    digest.update(x.cpu().contiguous().numpy().reshape(-1).data)
    return digest.hexdigest()[:16]


def reference_spec(x: Tensor) -> PluginSpec:
    """Real examples that are no plugin's data set."""
    return PluginSpec(
        kind="dataset",
        name="reference",
        target=EXTERNAL,
        distribution=EXTERNAL,
        version=None,
        code=digest(x),
        options={},
    )


def reference_data(name: str, x: Tensor, device: torch.device) -> LoadedData:
    """Real examples alone: against them is measured, and nothing is known of a training."""
    if len(x) < 2:
        raise UsageError(f"There is {len(x)} real example: scores are against at least 2.")
    image = x.dtype == torch.uint8
    if x.ndim != (4 if image else 2) or not (image or x.dtype == torch.float32):
        raise UsageError(
            f"The reference is {x.dtype} {tuple(x.shape)}: images are uint8 (N, C, H, W), points "
            "float32 (N, D)."
        )
    spec = DataSpec(
        name=name,
        kind="image" if image else "points",
        shape=tuple(x.shape[1:]),
        size=len(x),
        levels=256 if image else None,
    )
    real = DeviceSplit("test", Examples(x), device)
    missing = NoTrainingSplit(
        "there is no training split: what is measured against is a reference alone", device
    )
    return LoadedData(spec, hash_of(["reference", digest(x)], 64), missing, real, real)
