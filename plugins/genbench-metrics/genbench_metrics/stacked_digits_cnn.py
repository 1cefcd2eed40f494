"""Features of 8x8 images of three stacked digits: those of ``digits-cnn``, channel by channel."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from genbench_metrics.digits_cnn import DigitsCNN
from genbench_metrics.digits_cnn.network import CLASSES, FEATURES

CHANNELS = 3

VERSION = "stacked-digits-cnn 1"
"""Part of the fingerprint: changes with whatever maps features of channels to those of images."""


class StackedDigitsCNN:
    """Features (N, 192) of uint8 images (N, 3, 8, 8), and the number that their digits read.

    A classifier for each channel is how the field counts the modes of stacked MNIST (Metz et al.,
    "Unrolled Generative Adversarial Networks", 2017). This is the network of ``digits-cnn`` on
    every channel, its 64 features side by side: red, green, blue. It was trained on the training
    split of ``digits``, which is what ``stacked-digits`` stacks for training.

    The features see how a channel looks and which digits go together, so FID and KID of them see a
    lost mode, but they were never trained on stacks.
    """

    def __init__(self) -> None:
        self._channel = DigitsCNN()

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the version of this code and the fingerprint of ``digits-cnn``."""
        return hashlib.sha256(f"{VERSION}: {self._channel.fingerprint}".encode()).hexdigest()

    def to(self, device: torch.device) -> StackedDigitsCNN:
        """Measure on ``device`` from now on."""
        self._channel.to(device)
        return self

    def __call__(self, x: Tensor) -> Tensor:
        """Features float32 (N, 192) of uint8 (N, 3, 8, 8), on this extractor's device.

        Raises:
            ValueError: x is of another shape or dtype.
        """
        if x.dtype != torch.uint8 or x.shape[1:] != (CHANNELS, 8, 8):
            raise ValueError(
                f"stacked-digits-cnn takes uint8 images of shape (N, {CHANNELS}, 8, 8), "
                f"not {str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"
            )
        return self._channel(x.reshape(-1, 1, 8, 8)).view(len(x), CHANNELS * FEATURES)

    def logits(self, features: Tensor) -> Tensor:
        """Scores float32 (N, 1000) of the numbers 000 to 999, of features (N, 192).

        That of a number is the sum of the log-probabilities of its digits, hundreds on red: the
        logarithm of what the digits have together when each is named for itself.
        """
        digits = self._channel.logits(features.reshape(-1, FEATURES)).log_softmax(1)  # (3 N, 10)
        red, green, blue = digits.view(-1, CHANNELS, CLASSES).unbind(1)  # (N, 10) each
        joint = red[:, :, None, None] + green[:, None, :, None] + blue[:, None, None, :]
        return joint.flatten(1)
