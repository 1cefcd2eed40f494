"""Handwritten digits, 8x8 pixels: the data set that scikit-learn carries.

1,797 grey images in ten classes. They are the test set of the "Optical Recognition of Handwritten
Digits" data set (E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998; Kaynak, "Methods
of Combining Multiple Classifiers and Their Applications to Handwritten Digit Recognition", MSc
thesis, Bogazici University, 1995).
"""

from __future__ import annotations

import functools
import hashlib

import numpy as np
import torch

from genbench.contract import Examples, Splits

TRAIN, VALIDATION = 898, 180  # and the other 719 images are the test split


class Digits:
    """898 training, 180 validation and 719 test images, uint8 (N, 1, 8, 8) with labels 0 to 9.

    The source counts ink from 0 to 16; at rest that is 0 to 255, the nearest integer to v * 255/16.

    The splits depend on the images alone, neither on scikit-learn's order nor on any library's
    random numbers. Images are ordered by the SHA-256 of their pixels, which is as good as shuffled
    and stays the same everywhere. Every split is then drawn by systematic sampling along the
    classes (W. G. Cochran, "Sampling Techniques", 3rd ed., 1977, chapter 8), so that each class
    has its share of each split but for rounding.
    """

    classes = 10
    levels = 17
    extractor = "digits-cnn"
    fingerprint = "939907135e7b3daa4e0b9535c23308606635145b31492d0475fe80de5f26bc0f"

    def load(self) -> Splits:
        """Return the splits, each in the order of its images' hashes."""
        x, y = images()
        by_class = np.argsort(y, kind="stable")
        train, rest = every_nth(by_class, TRAIN)
        validation, test = every_nth(rest, VALIDATION)
        return Splits(*(examples(x, y, chosen) for chosen in (train, validation, test)))


@functools.cache
def images() -> tuple[np.ndarray, np.ndarray]:
    """All images, uint8 (1797, 1, 8, 8), and labels, int64 (1797,), ordered by the images' hashes.

    Read and hashed once a process; whoever takes splits from them takes copies.
    """
    from sklearn.datasets import load_digits  # the import takes a second: only who loads, pays

    source = load_digits()
    ink = source.images.astype(np.int64)  # (1797, 8, 8), 0 to 16
    x = ((ink * 255 + 8) // 16).astype(np.uint8)[:, None]
    y = source.target.astype(np.int64)
    shuffled = np.array(sorted(range(len(x)), key=lambda i: hashlib.sha256(x[i]).digest()))
    return x[shuffled], y[shuffled]


def every_nth(indices: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw ``n`` indices at even distances; return those drawn and the others.

    Any stretch of ``indices`` gives its share, rounded up or down.
    """
    total = len(indices)
    steps = np.arange(total + 1) * n // total  # integers only: nothing to round differently
    drawn = np.diff(steps) == 1
    return indices[drawn], indices[~drawn]


def examples(x: np.ndarray, y: np.ndarray, chosen: np.ndarray) -> Examples:
    """The chosen examples, no longer class by class but in their shuffled order."""
    chosen = np.sort(chosen)
    return Examples(torch.from_numpy(x[chosen]), torch.from_numpy(y[chosen]))
