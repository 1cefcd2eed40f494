"""Splits of a data set that was published as a training set and a test set."""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from genbench.contract import Examples, Splits
from genbench_datasets.digits import every_nth

Labelled = tuple[np.ndarray, np.ndarray]
"""Images uint8 (N, C, H, W) and their labels int64 (N,)."""


def splits(train: Labelled, test: Labelled, validation: int) -> Splits:
    """The test set as it is; the training set less ``validation`` images, which are held out of it.

    As in `genbench_datasets.digits.Digits`: images are ordered by the SHA-256 of their pixels, and
    the held-out ones are a systematic sample along the classes, so that each class has its share
    but for rounding. Nothing depends on the order of the files or on random numbers.

    Args:
        train: as it was published.
        test: as it was published.
        validation: how many images of ``train`` become the validation split.
    """
    x, y = by_content(*train)
    by_class = np.argsort(y, kind="stable")
    held_out, rest = every_nth(by_class, validation)
    return Splits(
        _examples(x, y, np.sort(rest)),
        _examples(x, y, np.sort(held_out)),
        Examples(*map(torch.from_numpy, by_content(*test))),
    )


def by_content(x: np.ndarray, y: np.ndarray) -> Labelled:
    """Images with their labels in the order of the images' hashes, equal images by their labels."""
    keys = [(hashlib.sha256(image).digest(), y[i]) for i, image in enumerate(x)]
    order = np.array(sorted(range(len(x)), key=keys.__getitem__))
    return x[order], y[order]


def _examples(x: np.ndarray, y: np.ndarray, chosen: np.ndarray) -> Examples:
    return Examples(torch.from_numpy(x[chosen]), torch.from_numpy(y[chosen]))
