"""Inception score: whether a classifier is sure of each sample, and unsure of all together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge

from genbench.contract import Evidence, Measurement, Score
from genbench_metrics.features import hold

SEED = 2020
"""Of the order in which samples are divided: torch-fidelity's default."""


class InceptionScore:
    """exp(E KL(p(y|x) || p(y))) of the extractor's classes (Salimans et al., 2016, section 4).

    p(y|x) is the softmax of the logits of a sample, p(y) its mean over samples, and the score the
    mean of the scores of ``splits`` parts, in float64. Samples are divided in a fixed random order,
    as by torch-fidelity, so that one which draws class by class is not punished for that. Higher is
    better, from 1 to the number of classes; it has no unit. It compares with nothing but scores of
    the same classifier and number of samples: small parts have small scores.

    The error is the standard error of that mean. The figure that is often printed after ± is the
    standard deviation over parts, (splits - 1)^(1/2) times as large: how much one part may differ.

    Blind to copies, and to collapse within a class: one perfect sample of each is all it asks for.
    It never looks at the data, and samples of noise may score high if a classifier is sure of them
    (Barratt and Sharma, "A note on the inception score", 2018): so it is blind to noise as well.

    Args:
        splits: parts of equal size, each of at least two samples.
    """

    version = "1"
    needs = ("sample", "logits")
    invariances = ("real-order", "batch-size", "device")
    scores = (
        Score(
            "isc",
            better="higher",
            range=(1.0, None),
            known={"collapsed": 1.0},
            blind=("noise", "copies"),
        ),
    )

    def __init__(self, *, splits: Annotated[int, Ge(1)] = 10) -> None:
        self.splits = splits

    def measure(self, evidence: Evidence) -> Mapping[str, Measurement]:
        """The score with its standard error; one part has none.

        Raises:
            NotApplicableError: fewer samples than two for each part.
            GenbenchError: logits that are not finite.
        """
        logits = evidence.logits("samples")
        hold("isc", logits, "samples", 2 * self.splits, "logits")
        n = len(logits)
        order = torch.from_numpy(np.random.RandomState(SEED).permutation(n))
        scores = torch.empty(self.splits, dtype=torch.float64)
        for part in range(self.splits):
            rows = order[part * n // self.splits : (part + 1) * n // self.splits]
            log_p = logits[rows].double().log_softmax(1)  # (n / splits, classes)
            p = log_p.exp()
            log_mean = log_p.logsumexp(0) - math.log(len(rows))  # (classes,), also where p is 0
            scores[part] = (p * (log_p - log_mean)).sum(1).mean().exp()
        error = scores.std().item() / math.sqrt(self.splits) if self.splits > 1 else None
        return {"isc": Measurement(max(1.0, scores.mean().item()), error)}
