"""A bound on the likelihood, of models that cannot take it itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from annotated_types import Ge

from genbench.contract import Evidence, Measurement, NotApplicable, Score
from genbench_metrics.likelihood import nll_and_bpd


class LikelihoodBound:
    """What a model's negative log-likelihood is at most, in expectation.

    As `Likelihood`, of ``log_likelihood_bound`` with ``k`` draws of the model: of a VAE the
    importance-weighted bound (Yuri Burda, Roger Grosse and Ruslan Salakhutdinov, "Importance
    weighted autoencoders", 2016, equation 8), which is the evidence lower bound for k = 1 and falls
    towards the true value as k grows. A score of its own: a bound is not compared with a
    likelihood, nor with a bound from another number of draws.

    ``nll_bound`` is in nats per example, ``bpd_bound`` in bits per dimension: of images those of
    the levels, of continuous data -log p(x) in its own unit, without bits. Both better lower,
    without bounds of their own. Errors are standard errors over the examples; what the draws
    add is among it.

    Where an image is dequantised more than once, the mean is taken of the bounds, and not, as
    in `Likelihood`, the logarithm of a mean: of what is below log p only on average, the latter
    might be above it.

    Blind to how far the bound is from the likelihood: of two models the one with the better
    encoder may have the better bound and the worse density. Blind to the looks of samples, as
    `Likelihood` is.

    Args:
        draws: how often images are dequantised.
        k: how often the model draws for each of them.
    """

    version = "1"
    needs = ("log_likelihood_bound",)
    invariances = ("sample-order", "feature-rotation")
    scores = (
        Score("nll_bound", better="lower", unit="nats"),
        Score("bpd_bound", better="lower", unit="bits"),
    )

    def __init__(self, *, draws: Annotated[int, Ge(1)] = 1, k: Annotated[int, Ge(1)] = 100) -> None:
        self.draws = draws
        self.k = k

    def measure(self, evidence: Evidence) -> Mapping[str, Measurement | NotApplicable]:
        """Both scores; there are no bits per dimension of continuous data.

        Raises:
            GenbenchError: the split is empty.
        """
        nats = evidence.log_likelihood_bounds(self.draws, self.k).mean(0)  # (N,)
        nll, bpd = nll_and_bpd("likelihood-bound", nats, evidence.data, evidence.real.name)
        return {"nll_bound": nll, "bpd_bound": bpd}
