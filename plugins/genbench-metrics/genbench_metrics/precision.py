"""Float32 that is float32, whatever the process has asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def whole_products(device: str = "cpu") -> Iterator[None]:
    """Matrix products in the dtype of their operands: no TF32, no bfloat16, no autocast."""
    kept = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(kept)


@contextmanager
def whole_networks(device: str = "cpu") -> Iterator[None]:
    """Convolutions, too."""
    # TF32 is on by default in cuDNN and would make a score depend on the device
    flags = torch.backends.cudnn.flags(enabled=True, allow_tf32=False, fp32_precision="ieee")
    with whole_products(device), flags:
        yield
