"""A mean over examples, with its standard error."""

from __future__ import annotations

import math

from torch import Tensor

from genbench.contract import Measurement
from genbench.errors import NotApplicableError


def mean_of(metric: str, values: Tensor, split: str) -> Measurement:
    """The mean of values (N,), one for each example; a single one has no error.

    Raises:
        NotApplicableError: there is none.
    """
    if len(values) == 0:
        raise NotApplicableError(f"{metric} needs at least 1 example, {split} is empty")
    values = values.cpu().double()  # not every device has float64
    error = values.std().item() / math.sqrt(len(values)) if len(values) > 1 else None
    return Measurement(values.mean().item(), error)


def share_of(metric: str, found: Tensor, split: str) -> Measurement:
    """The share of examples, bool (N,), of which something is true; its error is binomial.

    Raises:
        NotApplicableError: there is no example.
    """
    share = mean_of(metric, found.double(), split).value
    return Measurement(share, math.sqrt(share * (1 - share) / len(found)))
