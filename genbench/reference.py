"""Features of the data itself: taken once, kept in memory for a run and on disk for all others.

Every model on a data set is held against the same features of the same images. A file of the
cache is named by all that decides its content: the data, the split, the extractor with its code and
options, likewise the metric of a statistic, and what rounds the last digits (the device, threads,
torch), so that a run gives the same bits with a cache or without. Its own hash is in its name, too:
a file that was damaged is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genbench import cache, checkpoint, environment
from genbench.checkpoint import Content
from genbench.contract import Extractor
from genbench.data import DeviceSplit
from genbench.errors import ContractError, PluginError, StoreError

FORMAT = 1
"""Of the files: another number, and none of the old ones is read."""

BLOCK = 500
"""Examples that an extractor sees at once."""

Compute = Callable[[], Mapping[str, Tensor]]


@dataclass
class Reference:
    """Features of the splits of one data set, and what metrics make of them.

    Args:
        data: the data set's fingerprint.
        extractor: what takes the features.
        taken_by: what the extractor is, as plain data: its name, code and options.
        measured_by: likewise the metric that is measuring, and its version.
    """

    data: str
    extractor: Extractor | None
    taken_by: Any = None
    measured_by: Any = None
    _features: dict[str, Tensor] = field(default_factory=dict)
    _statistics: dict[str, Mapping[str, Tensor]] = field(default_factory=dict)

    def features(self, split: DeviceSplit) -> Tensor:
        """float32 (N, D) on the CPU."""
        if split.name not in self._features:
            key = self._key(split)
            made = kept(key, lambda: {"features": self.extract(split.x)})
            self._features[split.name] = made["features"]
        return self._features[split.name]

    def statistics(self, name: str, split: DeviceSplit, compute: Compute) -> Mapping[str, Tensor]:
        """What a metric makes of a split's features, under a name of its own."""
        key = self._key(split) | {"statistics": name, "metric": self.measured_by}
        text = json.dumps(key, sort_keys=True)
        if text not in self._statistics:
            self._statistics[text] = kept(key, compute)
        return self._statistics[text]

    def extract(self, x: Tensor) -> Tensor:
        """Features float32 (N, D) of examples at rest, block by block, on the CPU.

        Raises:
            PluginError: it does not take examples of this shape.
            ContractError: it gave something other than it promises.
        """
        assert self.extractor is not None, "metrics that need features are applied with one"
        blocks = []
        for block in x.split(BLOCK):
            try:
                features = self.extractor(block)
            except ValueError as error:  # as the contract says of a shape that it cannot take
                raise PluginError(f"The extractor does not take these examples: {error}") from error
            if features.ndim != 2 or len(features) != len(block) or not features.isfinite().all():
                raise ContractError(
                    f"The extractor gave features {tuple(features.shape)} for {len(block)} "
                    "examples: finite values (N, D) are what it promises."
                )
            blocks.append(features.float().cpu())
        return torch.cat(blocks)

    def _key(self, split: DeviceSplit) -> dict[str, Any]:
        assert self.extractor is not None, "metrics that need features are applied with one"
        here = environment.describe(split.device)
        return {
            "data": self.data,
            "split": split.name,
            "extractor": self.extractor.fingerprint,
            "taken_by": self.taken_by,
            **{column: here[column] for column in ("device", "device_name", "threads", "torch")},
        }


def kept(key: Mapping[str, Any], compute: Compute) -> Mapping[str, Tensor]:
    """The tensors of a key: read where they are kept, else computed and kept.

    What cannot be kept, on a full disk say, is no error: it is computed again.
    """
    folder = cache.folder("features")
    text = json.dumps({**key, "format": FORMAT}, sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    for path in sorted(folder.glob(f"{name}-*.safetensors")):
        found = _read(path, text)
        if found is not None:
            return found
    made = compute()
    try:
        checkpoint.save_by_hash(folder, name, Content(made, {"key": text}))
    except (StoreError, OSError) as error:
        print(f"Features are not kept for other runs: {error}")
    return made


def _read(path: Path, key: str) -> Mapping[str, Tensor] | None:
    try:
        content = checkpoint.load_by_hash(path)
    except StoreError as error:
        print(f"{error} It is made again.")
        with contextlib.suppress(
            OSError
        ):  # it is not ours to delete: what is made stands beside it
            path.unlink()
        return None
    return content.tensors if content.plain["key"] == key else None
