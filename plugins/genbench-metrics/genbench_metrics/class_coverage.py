"""Class coverage: which classes samples reach, and in what shares, as a classifier sees them."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from genbench.contract import Evidence, Measurement, NotApplicable, Score
from genbench.errors import GenbenchError, NotApplicableError
from genbench_metrics.occupancy import occupied
from genbench_metrics.shares import counts, divergence


class ClassCoverage:
    """Modes found, and reverse KL over modes, of samples that a classifier names.

    As the modes of stacked MNIST are counted: Metz, Poole, Pfau and Sohl-Dickstein, "Unrolled
    Generative Adversarial Networks", 2017; Srivastava et al., "VEEGAN", 2017; Lin, Khetan, Fanti
    and Oh, "PacGAN: The power of two samples in generative adversarial networks", 2018, section
    4.2. One class is one mode, and a sample is of the class that the extractor's ``logits`` are
    largest for:

    - ``modes`` is the number of classes that some sample is of: from 1 to the number of classes,
      better higher. Its error says what other samples of the same size would change;
    - ``reverse_kl`` is KL(q || p) = sum_k q_k log(q_k / p_k) in nats, where q_k is the share of
      samples of class k and p_k that of training examples labelled k: 0 at best, better lower. Its
      error is the standard error over samples to first order, as of `mode-coverage`.

    Both depend on the number of samples: n of the data itself find about M (1 - e^(-n/M)) of M
    equal modes and are at a divergence of about (M - 1) / 2n, where n is some times M.

    ``mode-coverage`` counts modes of points from the distance to their centres, without a
    classifier.

    Blind to how samples look: every image has some class, and uniform noise reaches 833 of the
    thousand modes of ``stacked-digits``. Blind to copies of training examples, and to which
    examples of a class there are. A classifier that errs moves both, also for the data itself.
    """

    version = "2"
    needs = ("sample", "labels", "logits")
    invariances = ("sample-order", "real-order", "batch-size", "device")
    scores = (
        Score("modes", better="higher", range=(1, None), blind=("noise", "copies")),
        Score(
            "reverse_kl", better="lower", unit="nats", range=(0, None), blind=("noise", "copies")
        ),
    )

    def measure(self, evidence: Evidence) -> Mapping[str, Measurement | NotApplicable]:
        """Both scores, where the classifier knows the data's classes.

        Raises:
            NotApplicableError: no samples.
            GenbenchError: class scores that are not finite, no labels, or a class
                without training examples.
        """
        logits, classes = evidence.logits("samples"), evidence.data.classes  # (n, M)
        if len(logits) == 0:
            raise NotApplicableError("class-coverage needs at least 1 sample, there are 0")
        if logits.shape[1] != classes:
            reason = (
                f"the extractor tells {logits.shape[1]:,} classes apart, the data set has "
                f"{classes:,}: it is no classifier of this data"
            )
            return {score.name: NotApplicable(reason) for score in self.scores}
        if not logits.isfinite().all():
            raise GenbenchError(
                "class-coverage cannot be measured: class scores of samples are not finite."
            )
        real = counts("class-coverage", evidence.train, classes).double()
        found = logits.argmax(1)  # (n,)
        drawn = torch.bincount(found, minlength=classes).double() / len(found)
        return {
            "modes": occupied(found, classes, len(found)),
            "reverse_kl": divergence(drawn, real / real.sum(), len(found)),
        }
