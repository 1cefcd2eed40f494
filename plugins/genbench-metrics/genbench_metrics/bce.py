"""Binary cross-entropy of reconstructions: pixels taken as probabilities."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn.functional import binary_cross_entropy

from genbench.contract import Evidence, Measurement, NotApplicable, Score
from genbench_metrics.averages import mean_of
from genbench_metrics.pixels import blocks


class BCE:
    """Cross-entropy of the real split's pixels p and their reconstructions q, as probabilities.

        -p log q - (1 - p) log(1 - q),    p, q = (x + 1) / 2

    The negative log-likelihood of independent Bernoulli pixels, with grey ones as probabilities:
    the reconstruction term of the VAE for binary data (Diederik Kingma and Max Welling,
    "Auto-Encoding Variational Bayes", 2014, appendix C.1).

    ``bce`` is in nats per number, the mean over pixels, channels and images; times C H W it is in
    nats per image, as papers on MNIST print it. Better lower; from 0 to 100. An exact
    reconstruction does not reach 0 but the entropy of the originals' own pixels, which is 0 only
    where all are black or white: values compare on one data set only. Logarithms are cut off at
    -100, as torch's ``binary_cross_entropy`` does: a pixel that is sure and wrong costs 100 nats,
    and not an infinity. A model whose pixels are black or white to the last bit pays that, and its
    score moves with the rounding of the machine. Its error is the standard error over images.

    Blind to what is the matter with samples, and to structure: each pixel counts for itself. One
    that is a little too sure of white costs more than one that is equally far off in mid-grey.
    """

    version = "1"
    needs = ("reconstruct",)
    # Not to rounding: a pixel that is black to the last bit costs 100, and 14 one bit later.
    invariances = ("sample-order", "real-order", "feature-rotation")
    scores = (Score("bce", better="lower", unit="nats", range=(0, 100)),)

    def measure(self, evidence: Evidence) -> Mapping[str, Measurement | NotApplicable]:
        """The mean over the split; points are no probabilities.

        Raises:
            GenbenchError: the split is empty.
        """
        if evidence.data.kind != "image":
            return {"bce": NotApplicable("points are no probabilities")}
        values = [
            binary_cross_entropy(q, p, reduction="none").flatten(1).mean(1)
            for p, q in blocks(evidence)
        ]
        return {"bce": mean_of("bce", torch.cat(values), evidence.real.name)}
