"""Eight Gaussians on a circle: the 2D-ring, on which generators lose modes.

Akash Srivastava, Lazar Valkov, Chris Russell, Michael U. Gutmann and Charles Sutton, "VEEGAN:
Reducing Mode Collapse in GANs using Implicit Variational Learning", 2017; Zinan Lin, Ashish Khetan,
Giulia Fanti and Sewoong Oh, "PacGAN: The power of two samples in generative adversarial networks",
2018, section 4.1.
"""

from __future__ import annotations

import math
from typing import Annotated

from annotated_types import Ge

from genbench.contract import Splits
from genbench_datasets.mixture import mixture

SIZE = 100_000
"""Of the training split in PacGAN's experiments."""

FINGERPRINT = "6f3610837ab83963c7cc0380e2dd5b3cad53a77027467bf336b6bcb89dff3963"
"""Of the content at that size."""


class Ring:
    """Points of the plane, float32 (N, 2), labelled with one of eight components.

    Component i is round, with a standard deviation of 0.01 around (cos(2 pi i/8), sin(2 pi i/8)).
    Each component has its share of every split but for rounding. The papers draw components at
    random, so that shares differ by chance.

    Args:
        size: training examples; validation and test have 2,500 each and never change.
    """

    classes = 8
    levels = None
    extractor = "identity"
    centres = tuple((math.cos(math.tau * i / 8), math.sin(math.tau * i / 8)) for i in range(8))
    std = 0.01

    def __init__(self, *, size: Annotated[int, Ge(8)] = SIZE) -> None:
        self.size = size
        if size == SIZE:  # another size is another content
            self.fingerprint = FINGERPRINT

    def load(self) -> Splits:
        """Return the splits, in which components are mixed."""
        return mixture("ring", self.centres, self.std, self.size)
