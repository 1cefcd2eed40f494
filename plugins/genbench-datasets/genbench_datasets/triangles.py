"""Triangles whose manifold is known, so that precision and recall of samples can be counted.

After Mario Lucic, Karol Kurach, Marcin Michalski, Sylvain Gelly and Olivier Bousquet, "Are GANs
Created Equal? A Large-Scale Study", 2018, section 5: grey images of polygons, triangles in the
simplest case, made so that the distance of a sample to the manifold of the data can be had. Theirs
have any corners, and the nearest one is searched for by gradient descent on six numbers. These are
equilateral, which leaves four, few enough to search all of the manifold for it.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor

from genbench.contract import Examples, Splits
from genbench_datasets.mixture import words
from genbench_datasets.triangle_manifold import LEAST, MOST, TriangleManifold, images

SIZE, VALIDATION, TEST = 20_000, 5_000, 5_000
"""Examples; the training split at its default."""

FINGERPRINT = "26bf99bf4ddef07ce38d0462b2cb7cc50d346e79b676f9eb16f3d11e655a40c6"
"""Of the content at that size."""


class Triangles:
    """White equilateral triangles on black, uint8 (N, 1, 28, 28), without labels.

    Place, size and turn are independent and uniform: the centre in the square from 10 to 18 pixels,
    the radius of the inscribed circle from 2.5 to 4.5, the angle over a third of a turn, after
    which a triangle is the same. Sides are smoothed over a pixel.

    Bits come from SHAKE-256, as for ``ring`` and ``grid``, and pixels are computed in float64 and
    rounded. Machines differ near 1e-13 of a level, and no pixel at the default size is as near as
    that to where its rounding turns: a test holds it.

    Args:
        size: training examples; validation and test have 5,000 each and never change.
    """

    classes = 0
    levels = 256
    extractor = "random-conv"
    manifold = TriangleManifold()

    def __init__(self, *, size: Annotated[int, Ge(1)] = SIZE) -> None:
        self.size = size
        if size == SIZE:  # another size is another content
            self.fingerprint = FINGERPRINT

    def load(self) -> Splits:
        """Return the splits; fewer training examples are the first ones of more."""
        sizes = (("train", self.size), ("validation", VALIDATION), ("test", TEST))
        return Splits(*(Examples(images(parameters(split, n))) for split, n in sizes))


def parameters(split: str, n: int) -> Tensor:
    """What the triangles of a split are made from, as in `triangle_manifold`: float64 (n, 4)."""
    uniform = (words(f"triangles/{split}", 4 * n) >> np.uint64(11)) * 2.0**-53  # in [0, 1)
    return LEAST + (MOST - LEAST) * torch.from_numpy(uniform).view(n, 4)
