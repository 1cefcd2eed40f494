from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn


class Dropout:
    """FAULT: its network was never put to eval(), and drops features at random."""

    def __init__(self) -> None:
        self.network = nn.Sequential(nn.Dropout(0.2), nn.Linear(64, 4))
        rng = torch.Generator().manual_seed(0)
        for parameter in self.network.parameters():
            parameter.data = torch.randn(parameter.shape, generator=rng)

    @property
    def fingerprint(self) -> str:
        content = b"".join(p.detach().cpu().numpy().tobytes() for p in self.network.parameters())
        return hashlib.sha256(content).hexdigest()

    def to(self, device: torch.device) -> Dropout:
        self.network.to(device)
        return self

    def __call__(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, 8, 8):
            raise ValueError(f"takes grey images of 8x8, not {tuple(x.shape)}")
        return self.network(x.flatten(1) / 255)
