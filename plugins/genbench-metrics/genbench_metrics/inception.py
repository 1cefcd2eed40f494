"""Inception features, as in the FID of the literature: torch-fidelity's port of the original."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from genbench.errors import GenbenchError
from genbench_metrics.fingerprint import fingerprint

if TYPE_CHECKING:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

VERSION = "inception-v3-compat 1: grey to RGB, TensorFlow 1 bilinear to 299, layer 2048"
"""Part of the fingerprint: changes with whatever maps images and weights to features."""

SHA256_PREFIX = "6726825d"
"""Of the published weights; their file name ends with it."""

BLOCK = 32
"""Images at a time: each takes megabytes of activations at 299x299."""


class InceptionV3Compat:
    """Features (N, 2048) of uint8 images (N, 1 or 3, H, W), those of Inception v3's last pooling.

    The network of Heusel et al. (2017), converted from TensorFlow's frozen graph of 2015-12-05 by
    torch-fidelity (Obukhov et al., 2020), with that graph's way to resize. Grey images are
    repeated to RGB. The weights are read when they are first needed.

    Args:
        weights: the file of the weights; without it torch hub's cache, which torch hub fills from
            the network.
    """

    def __init__(self, *, weights: Path | None = None) -> None:
        self.weights = weights
        self._device = torch.device("cpu")

    @property
    def fingerprint(self) -> str:
        """Of the content of the weights, so it has them read or downloaded.

        Raises:
            GenbenchError: there are no weights, or the file holds something else.
        """
        return self._loaded[1]

    def to(self, device: torch.device) -> InceptionV3Compat:
        """Measure on ``device`` from now on."""
        self._device = torch.device(device)
        return self

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Features float32 (N, 2048) of uint8 (N, 1 or 3, H, W), on this extractor's device.

        Raises:
            ValueError: x is of another shape or dtype.
            GenbenchError: as for `fingerprint`.
        """
        if x.dtype != torch.uint8 or x.ndim != 4 or x.shape[1] not in (1, 3) or 0 in x.shape[2:]:
            raise ValueError(
                f"inception-v3-compat takes uint8 images of shape (N, 1 or 3, H, W), "
                f"not {str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"
            )
        network = self._loaded[0].to(self._device)
        x = x.to(self._device).expand(-1, 3, -1, -1)
        # TF32 is on by default in cuDNN and would make a score depend on the device
        with (
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False, fp32_precision="ieee"),
            torch.autocast(self._device.type, enabled=False),
        ):
            return torch.cat([network(block)[0] for block in x.split(BLOCK)])

    @cached_property
    def _loaded(self) -> tuple[FeatureExtractorInceptionV3, str]:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        path = downloaded() if self.weights is None else self.weights
        weights = read(path)
        # torch-fidelity unpickles whatever it is given: it is given what was checked, not the file
        checked = io.BytesIO()
        torch.save(dict(weights), checked)
        checked.seek(0)
        try:
            network = FeatureExtractorInceptionV3(
                "inception-v3-compat", ["2048"], feature_extractor_weights_path=checked
            )
        except RuntimeError as error:
            raise not_weights(path, error) from error
        return network, fingerprint(VERSION, weights)


def read(path: Path) -> Mapping[str, Tensor]:
    """The weights in a file.

    A file that gets past here held nothing but tensors.
    """
    if not path.is_file():
        raise GenbenchError(f"There is no file of Inception weights at {path}.")
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # zip, pickle and runtime errors: all say that it is another file
        raise not_weights(path, error) from error
    if not isinstance(weights, dict) or not all(isinstance(w, Tensor) for w in weights.values()):
        raise not_weights(path, "it is no mapping from names to tensors")
    return weights


def downloaded() -> Path:
    """The published weights in torch hub's cache, downloaded if they are not there yet."""
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    name: str = URL_INCEPTION_V3.rsplit("/", 1)[1]
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(
                URL_INCEPTION_V3, str(path), hash_prefix=SHA256_PREFIX, progress=False
            )
        except (OSError, RuntimeError) as error:  # no network or no room; another file's hash
            raise GenbenchError(
                f"The weights of inception-v3-compat could not be downloaded ({error}). Download "
                f"{URL_INCEPTION_V3} where there is a network, and give the file by its path: "
                "--set inception-v3-compat.weights=FILE"
            ) from error
    return path


def not_weights(path: Path, why: object) -> GenbenchError:
    """The error for a file that holds something else."""
    first_line = next(iter(str(why).splitlines()), "") or type(why).__name__
    return GenbenchError(f"{path} does not hold torch-fidelity's Inception weights: {first_line}")
