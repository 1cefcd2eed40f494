"""Inception features, as in the FID of the literature: torch-fidelity's port of the original."""

from __future__ import annotations

import io
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from genbench_metrics.fingerprint import fingerprint
from genbench_metrics.images import check_grey_or_colour
from genbench_metrics.precision import whole_networks, whole_products
from genbench_metrics.weights import Published

if TYPE_CHECKING:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

VERSION = "inception-v3-compat 1: grey to RGB, TensorFlow 1 bilinear to 299, layer 2048"
"""Part of the fingerprint: changes with whatever maps images and weights to features."""

SHA256_PREFIX = "6726825d"
"""Of the published weights; their file name ends with it."""

FEATURES = 2048

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
        check_grey_or_colour("inception-v3-compat", x)
        network = self._loaded[0].to(self._device)
        x = x.to(self._device).expand(-1, 3, -1, -1)
        with whole_networks(self._device.type):
            return torch.cat([network(block)[0] for block in x.split(BLOCK)])

    @torch.no_grad()
    def logits(self, features: Tensor) -> Tensor:
        """Class scores float32 (N, 1008) of features (N, 2048), on this extractor's device.

        Those of the original inception score, torch-fidelity's ``logits_unbiased``: without the
        bias of the last layer, and with the eight classes of 1,008 that name nothing.

        Raises:
            ValueError: features are of another shape.
            GenbenchError: as for `fingerprint`.
        """
        if features.ndim != 2 or features.shape[1] != FEATURES:
            raise ValueError(
                f"inception-v3-compat has logits of features (N, {FEATURES}), "
                f"not {tuple(features.shape)}"
            )
        weight = self._loaded[0].to(self._device).fc.weight  # (1008, 2048)
        with whole_products(self._device.type):
            logits: Tensor = features.to(self._device).mm(weight.T)
        return logits

    @cached_property
    def _loaded(self) -> tuple[FeatureExtractorInceptionV3, str]:
        from torch_fidelity.feature_extractor_inceptionv3 import (
            URL_INCEPTION_V3,
            FeatureExtractorInceptionV3,
        )

        published = Published(
            "inception-v3-compat",
            "torch-fidelity's Inception weights",
            URL_INCEPTION_V3,
            SHA256_PREFIX,
        )
        path = published.downloaded() if self.weights is None else self.weights
        weights = published.read(path)
        # torch-fidelity unpickles whatever it is given: it is given what was checked, not the file
        checked = io.BytesIO()
        torch.save(dict(weights), checked)
        checked.seek(0)
        try:
            network = FeatureExtractorInceptionV3(
                "inception-v3-compat", ["2048"], feature_extractor_weights_path=checked
            )
        except RuntimeError as error:
            raise published.refusal(path, error) from error
        return network, fingerprint(VERSION, weights)
