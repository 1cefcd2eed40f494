"""How much better a model reconstructs what it was shown than what it was not."""

from __future__ import annotations

from collections.abc import Mapping

from genbench.contract import Evidence, Score
from genbench.errors import GenbenchError


class ReconstructionGap:
    """Mean squared error of the real split's reconstructions less that of the training split's.

    In the unit of `Reconstruction`: for images pixels in [-1, 1], squared. It is positive for a
    model that has learned its training examples by heart, and near 0 for one that has not.
    """

    version = "1"
    needs = ("reconstruct",)
    invariances = ("real-order",)
    scores = (Score("mse_gap"),)  # no direction: what is equally bad on both has no gap either

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        """The gap.

        Raises:
            GenbenchError: one of the two splits is empty.
        """
        errors = []
        for x, reconstructions, split in (
            (evidence.originals, evidence.reconstructions, evidence.real),
            (evidence.train_originals, evidence.train_reconstructions, evidence.train),
        ):
            if len(x) == 0:
                raise GenbenchError(f"mse_gap needs at least 1 example, {split.name} is empty.")
            # By example first, then in float64, which not every device has.
            errors.append((reconstructions - x).square().flatten(1).mean(1).cpu().double().mean())
        return {"mse_gap": float(errors[0] - errors[1])}
