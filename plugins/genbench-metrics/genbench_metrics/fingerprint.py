"""What tells one set of weights from another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from torch import Tensor


def fingerprint(version: str, weights: Mapping[str, Tensor]) -> str:
    """SHA-256 over the version of an extractor's code and the content of its weights.

    Names, dtypes, shapes and bytes count; their order and the format of the file do not.
    """
    digest = hashlib.sha256(version.encode())
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
