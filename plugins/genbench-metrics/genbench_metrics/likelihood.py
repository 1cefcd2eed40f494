"""Likelihood: how probable real examples are under the model's density."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

from annotated_types import Ge
from torch import Tensor

from genbench.contract import DataSpec, Evidence, Measurement, NotApplicable, Score
from genbench_metrics.averages import mean_of


class Likelihood:
    """Negative log-likelihood of the real split, in nats per example and bits per dimension.

    Images have levels, and a model a density. Level l of L becomes 2 (l + u) / L - 1 with u uniform
    on [0, 1), so the probability of an image of D numbers is its cell's share of the density:

        P(l) = (2 / L)^D E_u[p(x(l + u))]

    (Lucas Theis, Aäron van den Oord and Matthias Bethge, "A note on the evaluation of generative
    models", 2016, section 3.1). The mean of log p over u is below its logarithm, as any mean of
    logarithms is. It is what ``draws=1`` gives on average, and what most papers print. The
    logarithm of the mean over ``draws`` of p is nearer, and still not above it on average; with
    more draws it goes there (Emiel Hoogeboom, Taco Cohen and Jakub Tomczak, "Learning discrete
    distributions by dequantization", 2020). That is what is taken here.

    - ``nll`` is the mean of -log P(l), in nats per example;
    - ``bpd`` is the same in bits per dimension, nll / (D log 2): log2(L) where the density is
      uniform over the whole range, and 0 for a model that knows each image beforehand.

    Better lower. Neither has a bound: a few draws may meet a peak that is no part of its cell.
    Continuous data is taken as it is: ``nll`` is then -log p(x) in the data's own unit, and may be
    negative, and there is no ``bpd``. Errors are standard errors over the examples; what the draws
    add to them is among it. Noise is drawn for one example after the other, so that another order
    of the split is another draw.

    Blind to the looks of samples: likelihood and quality may be worlds apart either way (Theis et
    al., section 3.2). Blind to copies, noise and missing modes of samples, but for what they say
    of the density itself.

    Args:
        draws: how often images are dequantised.
    """

    version = "1"
    needs = ("log_likelihood",)
    invariances = ("sample-order", "feature-rotation", "batch-size", "device")
    scores = (Score("nll", better="lower", unit="nats"), Score("bpd", better="lower", unit="bits"))

    def __init__(self, *, draws: Annotated[int, Ge(1)] = 10) -> None:
        self.draws = draws

    def measure(self, evidence: Evidence) -> Mapping[str, Measurement | NotApplicable]:
        """Both scores; there are no bits per dimension of continuous data.

        Raises:
            GenbenchError: the split is empty.
        """
        nats = evidence.log_likelihoods(self.draws)  # (draws, N)
        nats = nats.logsumexp(0) - math.log(len(nats))
        nll, bpd = nll_and_bpd("likelihood", nats, evidence.data, evidence.real.name)
        return {"nll": nll, "bpd": bpd}


def nll_and_bpd(
    metric: str, nats: Tensor, data: DataSpec, split: str
) -> tuple[Measurement, Measurement | NotApplicable]:
    """From log densities (N,) of what a model sees to the levels: nats, and bits per dimension.

    Raises:
        GenbenchError: there are none.
    """
    if data.levels is None:
        reason = "the data is continuous: bits per dimension are of levels"
        return mean_of(metric, -nats, split), NotApplicable(reason)
    size = math.prod(data.shape)
    nll = mean_of(metric, -nats - size * math.log(2 / data.levels), split)
    bits = 1 / (size * math.log(2))
    error = None if nll.error is None else nll.error * bits
    return nll, Measurement(nll.value * bits, error)
