"""How much smaller than its input a code is, beside what is lost on the way through it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from genbench.contract import DataSpec, Evidence, Measurement, NotApplicable, Score
from genbench_metrics.averages import mean_of

FLOAT_BITS = 32
"""Of a number of a code, and of continuous data: both are float32."""


class Compression:
    """The size of the code against that of the input, at the error of the reconstruction.

    The two sides of rate and distortion (Claude Shannon, "Coding theorems for a discrete source
    with a fidelity criterion", 1959), at one point and with the plainest of codes:

    - ``code_size``: numbers in a code;
    - ``code_bits``: the same as it is stored, 32 bits a number (float32);
    - ``compression_ratio``: bits of the input over bits of the code. A pixel of L levels is
      log2(L) bits: 8 of 256 levels, 4.09 of the 17 of ``digits``. A number of continuous data is
      32. Below 1 the code is larger than what it is of;
    - ``mse``: that of `Reconstruction`, with its standard error: what this size costs.

    All four are from 0. Only ``mse`` has a direction, better lower. A ratio has none: a code of one
    number has the best of all, and is worth what its error says. Compare either at an equal other.

    Blind to how much of a code is information: nothing is coded by its entropy, so a number that
    never changes counts like any other, and 16 numbers that are one of 512 vectors of a codebook,
    which is an index of 9 bits, count as 512. Blind to the size of the decoder, which may have
    learned images by heart, and to what is the matter with samples.
    """

    version = "1"
    needs = ("encode", "reconstruct")
    invariances = ("sample-order", "real-order", "feature-rotation", "batch-size", "device")
    scores = (
        Score("code_size", range=(0, None)),
        Score("code_bits", unit="bits", range=(0, None)),
        Score("compression_ratio", range=(0, None)),
        Score("mse", better="lower", range=(0, None), known={"identical": 0.0}),
    )

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        """All four; an empty code has no ratio.

        Raises:
            GenbenchError: the split is empty.
        """
        squared = (
            (evidence.reconstructions - evidence.originals).square().flatten(1).mean(1)
        )  # (N,)
        size = evidence.codes.shape[1]
        bits = FLOAT_BITS * size
        ratio = input_bits(evidence.data) / bits if bits else NotApplicable("the code is empty")
        return {
            "code_size": float(size),
            "code_bits": float(bits),
            "compression_ratio": ratio,
            "mse": mean_of("compression", squared, evidence.real.name),
        }


def input_bits(data: DataSpec) -> float:
    """Of one example, each of its numbers for itself."""
    return math.prod(data.shape) * (FLOAT_BITS if data.levels is None else math.log2(data.levels))
