"""Nearest neighbours of codes: whether what lies together belongs together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from annotated_types import Ge

from genbench.contract import Evidence, Measurement, NotApplicable, Score
from genbench_metrics.labelled_codes import labelled_codes


class KNN:
    """Accuracy of k nearest neighbours among the training codes.

    Thomas Cover and Peter Hart, "Nearest neighbor pattern classification", 1967; as a measure of
    representations Zhirong Wu et al., "Unsupervised feature learning via non-parametric instance
    discrimination", 2018, section 3.4. By scikit-learn: each code of the real split is given the
    class that most of its ``k`` nearest training codes have, in Euclidean distance, the least of
    the classes where votes are equal.

    Distances are those of the codes as the model gives them, and not of standardised ones: how
    far apart it puts things is what is measured, and a direction that it leaves all but unused
    must not be blown up to the size of the others.

    ``knn`` is the share of the real split that is named correctly, with its binomial standard
    error: no unit, better higher, from 0 to 1. ``chance`` is that of who always names the most
    frequent class, from 0 to 1 as well; it has no direction.

    Blind to classes that only a projection would tell apart (`LinearProbe` is not): one large
    direction that has nothing to do with them hides all others. Blind to what codes know beyond
    the labels, and to what is the matter with samples.

    Args:
        k: how many neighbours vote.
        examples: the most training examples to look among; more are drawn at random.
    """

    version = "1"
    needs = ("encode", "labels")
    invariances = ("sample-order", "real-order", "feature-rotation")
    scores = (
        Score("knn", better="higher", range=(0, 1)),
        Score("chance", range=(0, 1)),
    )

    def __init__(
        self, *, k: Annotated[int, Ge(1)] = 5, examples: Annotated[int, Ge(1)] = 10_000
    ) -> None:
        self.k = k
        self.examples = examples

    def measure(self, evidence: Evidence) -> Mapping[str, float | Measurement | NotApplicable]:
        """Both scores; fewer training codes than ``k`` have no vote.

        Raises:
            GenbenchError: one of the two splits is empty or has no labels.
        """
        # the import takes seconds: only who measures, pays
        from sklearn.neighbors import KNeighborsClassifier

        codes = labelled_codes("knn", evidence, self.examples)
        if len(codes.train_x) < self.k:
            reason = f"{len(codes.train_x)} training codes are fewer than k={self.k} neighbours"
            return {"knn": NotApplicable(reason), "chance": codes.chance()}
        # Distances are taken from products, which lose what is near where all is far from 0.
        middle = codes.train_x.mean(0)
        neighbours = KNeighborsClassifier(self.k, algorithm="brute")
        neighbours.fit(codes.train_x - middle, codes.train_y)
        return {
            "knn": codes.accuracy(neighbours.predict(codes.x - middle)),
            "chance": codes.chance(),
        }
