"""Three digits stacked as red, green and blue: a thousand modes, made to show mode collapse.

Stacked MNIST, made of smaller digits: Luke Metz, Ben Poole, David Pfau and Jascha Sohl-Dickstein,
"Unrolled Generative Adversarial Networks", 2017; Akash Srivastava et al., "VEEGAN: Reducing Mode
Collapse in GANs using Implicit Variational Learning", 2017; Zinan Lin, Ashish Khetan, Giulia Fanti
and Sewoong Oh, "PacGAN: The power of two samples in generative adversarial networks", 2018,
section 4.2.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge

from genbench.contract import Examples, Splits
from genbench_datasets.digits import Digits
from genbench_datasets.mixture import labels, words

SIZE, VALIDATION, TEST = 50_000, 10_000, 10_000
"""Examples; the training split at its default."""

CHANNELS = 3
MODES = 10**CHANNELS

FINGERPRINT = "593b56cf89679f50db7fc475a3c8c1f47dc162ead309225e318237e18cc1d79f"
"""Of the content at that size."""


class StackedDigits:
    """Three of ``digits`` each, uint8 (N, 3, 8, 8), labelled with the number they read, 0 to 999.

    The digit on red counts hundreds, green tens, blue ones. Each number has its share of every
    split but for rounding; the papers draw digits at random. The image of a digit is drawn with
    replacement from those of its class in the same split of ``digits``, so what a model is measured
    on has no digit in common with what it was trained on.

    Args:
        size: training examples; validation and test have 10,000 each and never change.
    """

    classes = MODES
    levels = Digits.levels
    extractor = "stacked-digits-cnn"

    def __init__(self, *, size: Annotated[int, Ge(MODES)] = SIZE) -> None:
        self.size = size
        if size == SIZE:  # another size is another content
            self.fingerprint = FINGERPRINT

    def load(self) -> Splits:
        """Return the splits; fewer training examples are the first ones of more."""
        sizes = (self.size, VALIDATION, TEST)
        return Splits(
            *(
                stacked(f"stacked-digits/{split}", digits, n)
                for split, digits, n in zip(Splits._fields, Digits().load(), sizes, strict=True)
            )
        )


def stacked(seed: str, digits: Examples, n: int) -> Examples:
    """Stack ``n`` times three of ``digits``; which ones is drawn from bits of SHAKE-256."""
    assert digits.y is not None
    y = labels(seed, MODES, n)
    named = y[:, None] // 10 ** np.arange(CHANNELS)[::-1] % 10  # (n, 3), hundreds first
    order = np.argsort(digits.y.numpy(), kind="stable")  # class after class
    count = np.bincount(digits.y.numpy())
    first = np.cumsum(count) - count
    # Of 2^64 words modulo some ninety images, one is likelier than another by less than 1e-17.
    drawn = words(f"{seed}/images", CHANNELS * n).reshape(n, CHANNELS)
    which = (drawn % count.astype(np.uint64)[named]).astype(np.int64)
    chosen = order[first[named] + which]  # (n, 3)
    return Examples(digits.x[torch.from_numpy(chosen), 0], torch.from_numpy(y))
