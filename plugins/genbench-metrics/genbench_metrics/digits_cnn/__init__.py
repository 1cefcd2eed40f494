"""Features of 8x8 grey digits from a small classifier that the package brings with it.

Inception's features were learned on photographs of 299x299 pixels, and its weights come over a
network. This ruler was made for the data that it measures and is there wherever the package is.
`genbench_metrics.digits_cnn.train` made the weights.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from genbench_metrics.digits_cnn.network import FEATURES, Network
from genbench_metrics.fingerprint import fingerprint
from genbench_metrics.precision import whole_products

WEIGHTS = Path(__file__).with_name("weights.safetensors")

VERSION = "digits-cnn 1: uint8 / 255"
"""Part of the fingerprint: changes with whatever maps images and weights to features."""

BLOCK = 500
"""Images at a time: small enough that activations stay in a processor's cache."""


class DigitsCNN:
    """Features (N, 64) of uint8 images (N, 1, 8, 8): the classifier's penultimate activations.

    They are scaled to a mean square of 1 over the training split of ``digits``, so that the
    argument of KID's kernel, x.y / D, is of order one.
    """

    def __init__(self) -> None:
        weights = load_file(WEIGHTS)
        self.fingerprint = fingerprint(VERSION, weights)
        self._network = Network()
        self._network.load_state_dict(weights)
        self._network.requires_grad_(False).eval()
        self._device = torch.device("cpu")

    def to(self, device: torch.device) -> DigitsCNN:
        """Measure on ``device`` from now on."""
        self._device = torch.device(device)
        # TF32 is on by default in cuDNN and would round features to three digits; it never
        # touches float64, which costs milliseconds for a network of this size
        dtype = torch.float64 if self._device.type == "cuda" else torch.float32
        self._network.to(self._device, dtype)
        return self

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Features float32 (N, 64) of uint8 (N, 1, 8, 8), on this extractor's device.

        Raises:
            ValueError: x is of another shape or dtype.
        """
        if x.dtype != torch.uint8 or x.shape[1:] != (1, 8, 8):
            raise ValueError(
                f"digits-cnn takes uint8 images of shape (N, 1, 8, 8), "
                f"not {str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"
            )
        with torch.autocast(self._device.type, enabled=False):
            blocks = [
                self._network.features(to_network(block, self._network.scale))
                for block in x.to(self._device).split(BLOCK)
            ]
        return torch.cat(blocks).float()

    @torch.no_grad()
    def logits(self, features: Tensor) -> Tensor:
        """Scores float32 (N, 10) of the ten digits, of features (N, 64), before the softmax.

        Raises:
            ValueError: features are of another shape.
        """
        if features.ndim != 2 or features.shape[1] != FEATURES:
            raise ValueError(
                f"digits-cnn has logits of features (N, {FEATURES}), not {tuple(features.shape)}"
            )
        scale = self._network.scale
        with whole_products(self._device.type):
            logits: Tensor = self._network.head(features.to(scale) / scale)
        return logits.float()


def to_network(x: Tensor, like: Tensor | None = None) -> Tensor:
    """uint8 images to numbers from 0 to 1, float32 or as precise as ``like``."""
    return x.to(torch.float32 if like is None else like.dtype) / 255
