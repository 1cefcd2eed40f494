"""Twenty-five Gaussians on a square: the 2D-grid, on which generators lose modes.

Akash Srivastava, Lazar Valkov, Chris Russell, Michael U. Gutmann and Charles Sutton, "VEEGAN:
Reducing Mode Collapse in GANs using Implicit Variational Learning", 2017; Zinan Lin, Ashish Khetan,
Giulia Fanti and Sewoong Oh, "PacGAN: The power of two samples in generative adversarial networks",
2018, section 4.1.
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge

from genbench.contract import Splits
from genbench_datasets.mixture import mixture

SIZE = 100_000
"""Of the training split in PacGAN's experiments."""

FINGERPRINT = "78d528cc57476c54ab557232472149c32d09228c1efbe5108e8a0894faa941b4"
"""Of the content at that size."""


class Grid:
    """Points of the plane, float32 (N, 2), labelled with one of twenty-five components.

    Component 5i + j is round, with a standard deviation of 0.05 around (-4 + 2i, -4 + 2j), for i
    and j from 0 to 4. Each component has its share of every split but for rounding. The papers
    draw components at random, so that shares differ by chance.

    Args:
        size: training examples; validation and test have 2,500 each and never change.
    """

    classes = 25
    levels = None
    extractor = "identity"
    centres = tuple((-4.0 + 2 * i, -4.0 + 2 * j) for i in range(5) for j in range(5))
    std = 0.05

    def __init__(self, *, size: Annotated[int, Ge(25)] = SIZE) -> None:
        self.size = size
        if size == SIZE:  # another size is another content
            self.fingerprint = FINGERPRINT

    def load(self) -> Splits:
        """Return the splits, in which components are mixed."""
        return mixture("grid", self.centres, self.std, self.size)
