"""The network behind ``digits-cnn``: a small classifier of 8x8 grey images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FEATURES = 64
CLASSES = 10


class Network(nn.Module):
    """Three convolutions, a hidden layer whose activations are the features, and a classifier.

    Activations are SiLU (Elfwing et al., "Sigmoid-weighted linear units", 2018): with ReLU a third
    of the features never fired on any digit and measured nothing.
    """

    scale: Tensor

    def __init__(self, width: int = 32, dropout: float = 0.0) -> None:
        super().__init__()
        self.body = nn.Sequential(  # (N, 1, 8, 8), 0 to 1
            nn.Conv2d(1, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),  # (N, 2 width, 4, 4)
            nn.SiLU(),
            nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1),  # (N, 4 width, 2, 2)
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(16 * width, FEATURES),
            nn.SiLU(),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(FEATURES, CLASSES)
        self.register_buffer("scale", torch.ones(()))

    def features(self, x: Tensor) -> Tensor:
        """Features (N, 64) of images (N, 1, 8, 8) in [0, 1]; their mean square over train is 1."""
        features: Tensor = self.body(x) * self.scale
        return features

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 10) of images (N, 1, 8, 8) in [0, 1]."""
        logits: Tensor = self.head(self.dropout(self.body(x)))
        return logits
