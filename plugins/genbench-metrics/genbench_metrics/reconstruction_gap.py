"""How much better a model reconstructs what it was shown than what it was not."""

from __future__ import annotations

import math
from collections.abc import Mapping

from genbench.contract import Evidence, Measurement, Score
from genbench.errors import NotApplicableError
from genbench_metrics.averages import mean_of


class ReconstructionGap:
    """Mean squared error of the real split's reconstructions less that of the training split's.

    ``mse_gap`` is in the unit of `Reconstruction`: for images pixels in [-1, 1], squared. It is
    positive for a
    model that has learned its training examples by heart, and near 0 for one that has not: the
    generalisation gap of the reconstruction error, as of any loss. Its error is the standard error
    over the examples of both splits, so it is known whether a gap is one.

    Without a direction or a bound of its own, as what is equally bad on both splits has no gap
    either.

    Blind to how good reconstructions are, to a training split that is easier for other reasons
    than having been shown, and to what is the matter with samples: `fid-gap` is of those.
    """

    version = "1"
    needs = ("reconstruct",)
    invariances = ("sample-order", "real-order", "feature-rotation")
    scores = (Score("mse_gap"),)  # no direction: what is equally bad on both has no gap either

    def measure(self, evidence: Evidence) -> Mapping[str, Measurement]:
        """The gap; a split of one example leaves it without an error.

        Raises:
            NotApplicableError: one of the two splits is empty.
        """
        of_splits = []
        for x, reconstructions, split in (
            (evidence.originals, evidence.reconstructions, evidence.real),
            (evidence.train_originals, evidence.train_reconstructions, evidence.train),
        ):
            if len(x) == 0:
                raise NotApplicableError(f"mse_gap needs at least 1 example, {split.name} is empty")
            squared = (reconstructions - x).square().flatten(1).mean(1)  # (N,)
            of_splits.append(mean_of("mse_gap", squared, split.name))
        real, train = of_splits
        error = None
        if real.error is not None and train.error is not None:
            error = math.hypot(real.error, train.error)
        return {"mse_gap": Measurement(real.value - train.value, error)}
