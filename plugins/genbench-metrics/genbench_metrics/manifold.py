"""Precision and recall against a manifold that is known: counted, not estimated."""

from __future__ import annotations

import math
from collections.abc import Mapping

from genbench.contract import Evidence, Measurement, Score
from genbench.errors import GenbenchError, NotApplicableError
from genbench_metrics.occupancy import occupied


class KnownManifold:
    """How many samples are on the data's manifold, and how much of it they cover.

    After Lucic, Kurach, Michalski, Gelly and Bousquet, "Are GANs Created Equal? A Large-Scale
    Study", 2018, section 5, for data that was made so that its manifold is known, such as
    ``triangles``:

    - ``manifold_precision`` is the share of samples whose distance to the nearest point of the
      manifold is not above its ``tolerance``, as in the paper; from 0 to 1, better higher;
    - ``manifold_recall`` is the share of bins of the generating parameters that a sample on the
      manifold falls into; from 0 to 1, better higher. The paper instead inverts the generator for
      images of the test set, which takes a gradient through it, and asks how many it comes near;
    - ``manifold_recall_of_truth`` is the same of as many new true examples, from 0 to 1, though
      even they do not reach all: what ``manifold_recall`` is to be held against. It says nothing of
      the model.

    Both recalls grow with the number of samples. Errors are standard errors over samples, for
    recall from how many bins were reached once (`occupancy`).

    Blind to copies: training examples are on the manifold and cover it. ``manifold_precision`` is
    blind to collapse, ``manifold_recall`` to where in a bin samples are and how many are there.
    """

    version = "2"
    needs = ("sample", "manifold")
    invariances = ("sample-order", "real-order", "batch-size", "device")
    scores = (
        Score(
            "manifold_precision",
            better="higher",
            range=(0, 1),
            known={"identical": 1.0, "collapsed": 1.0, "copied": 1.0},
            blind=("collapse", "copies"),
        ),
        Score("manifold_recall", better="higher", range=(0, 1), blind=("copies",)),
        Score("manifold_recall_of_truth", range=(0, 1)),
    )

    def measure(self, evidence: Evidence) -> Mapping[str, Measurement]:
        """All three scores.

        Raises:
            NotApplicableError: no samples.
            GenbenchError: values that are not finite.
        """
        manifold, samples = evidence.manifold, evidence.samples
        assert manifold is not None, "it is among the needs"
        n = len(samples)
        if n == 0:
            raise NotApplicableError("manifold needs at least 1 sample, there are 0")
        if not samples.isfinite().all():
            raise GenbenchError("manifold cannot be measured: samples are not finite.")
        distance, bins = manifold.locate(samples)  # (n,)
        on = distance <= manifold.tolerance
        precision = on.double().mean().item()
        _, bins_of_truth = manifold.locate(manifold.draw(n, evidence.rng("manifold")))
        reached = occupied(bins[on], manifold.bins, n)
        of_truth = occupied(bins_of_truth, manifold.bins, n)
        return {
            "manifold_precision": Measurement(
                precision, math.sqrt(precision * (1 - precision) / n)
            ),
            "manifold_recall": share(reached, manifold.bins),
            "manifold_recall_of_truth": share(of_truth, manifold.bins),
        }


def share(counted: Measurement, of: int) -> Measurement:
    """A number of bins as a share of all."""
    assert counted.error is not None
    return Measurement(counted.value / of, counted.error / of)
