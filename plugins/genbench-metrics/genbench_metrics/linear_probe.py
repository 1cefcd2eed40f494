"""A linear probe: how much of the classes can be read off codes by planes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Annotated

from annotated_types import Ge, Gt

from genbench.contract import Evidence, Measurement, NotApplicable, Score
from genbench_metrics.labelled_codes import labelled_codes


class LinearProbe:
    """Accuracy of a logistic regression on codes, learned on training examples alone.

    Guillaume Alain and Yoshua Bengio, "Understanding intermediate layers using linear classifier
    probes", 2016. The model is frozen, and the probe multinomial, by scikit-learn:
    ``make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=max_iterations))`` in
    float64, fitted to the codes of the training split and tried on those of the real one. The
    codes' means and standard deviations are of the training split, too.

    ``linear_probe`` is the share of the real split that the probe names correctly, with its
    binomial standard error: no unit, better higher, from 0 to 1. ``chance`` is the share that
    one gets who looks at no code and names the most frequent class, from 0 to 1 as well; it has
    no direction, as it is a property of the data. A probe that is no better has found nothing.

    A probe that did not come to an end is no score: its row says so.

    Blind to classes that curved borders separate (`KNN` is not), to everything that codes know
    beyond the labels, to how large the code is, which helps a probe, and to what is the matter
    with samples.

    Args:
        c: the inverse strength of the L2 penalty on the weights.
        examples: the most training examples to learn from; more are drawn at random.
        max_iterations: of L-BFGS.
    """

    version = "1"
    needs = ("encode", "labels")
    invariances = ("sample-order", "real-order", "feature-rotation")
    scores = (
        Score("linear_probe", better="higher", range=(0, 1)),
        Score("chance", range=(0, 1)),
    )

    def __init__(
        self,
        *,
        c: Annotated[float, Gt(0)] = 1.0,
        examples: Annotated[int, Ge(2)] = 10_000,
        max_iterations: Annotated[int, Ge(1)] = 1000,
    ) -> None:
        self.c = c
        self.examples = examples
        self.max_iterations = max_iterations

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        """Both scores.

        Raises:
            GenbenchError: one of the two splits is empty or has no labels.
        """
        # the import takes seconds: only who measures, pays
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        codes = labelled_codes("linear-probe", evidence, self.examples)
        if len({*codes.train_y.tolist()}) < 2:
            reason = "all training examples that it learns from are of one class"
            return {"linear_probe": NotApplicable(reason), "chance": codes.chance()}
        probe = make_pipeline(
            StandardScaler(), LogisticRegression(C=self.c, max_iter=self.max_iterations)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                probe.fit(codes.train_x, codes.train_y)
            except ConvergenceWarning:
                reason = (
                    f"the probe has not converged after {self.max_iterations} iterations; "
                    "--set linear-probe.max_iterations gives it more"
                )
                return {"linear_probe": NotApplicable(reason), "chance": codes.chance()}
        return {
            "linear_probe": codes.accuracy(probe.predict(codes.x)),
            "chance": codes.chance(),
        }
