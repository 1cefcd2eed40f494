"""Mode coverage: which modes of a labelled mixture samples reach, and how well they hit them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor

from genbench.contract import Evidence, Measurement, NotApplicable, Score, Split
from genbench.errors import GenbenchError, NotApplicableError
from genbench_metrics.shares import counts, divergence

BLOCK = 10_000
"""Samples whose distances are taken at once."""


class ModeCoverage:
    """Modes found, share of samples of high quality, and reverse KL over modes, for points.

    As in Lin, Khetan, Fanti and Oh, "PacGAN: The power of two samples in generative adversarial
    networks", 2018, section 4.1, after Srivastava et al., "VEEGAN", 2017:

    - a sample is of high quality if it is within three standard deviations of the nearest centre,
      in Euclidean distance; ``high_quality`` is the share of such samples. In the plane samples of
      the true mixture reach 1 - exp(-9/2), that is 0.989, not 1;
    - a mode is found if some sample of high quality is nearest to it; ``modes`` counts those;
    - ``reverse_kl`` is KL(q || p) = sum_k q_k log(q_k / p_k) in nats, where q_k is the share of
      samples whose nearest centre is k, and p_k that of training examples labelled k. All samples
      count, of high quality or not; the code that the authors published counts good ones only. A
      mode that is lost adds nothing itself but leaves the others more: K modes out of M equal
      ones give log(M / K).

    One class is one mode. The metric is told of no data set, so centres are the classes' means in
    the training split and the standard deviation is the one that all of them have in common, of
    one dimension: s^2 = sum ||x - centre||^2 / (D (N - M)). Of 100,000 labelled points of the plane
    s is known to a fifth of a percent. Classes that are not round, or not of one size, are no
    subject for this metric.

    Errors are standard errors over samples; ``modes`` has none. That of ``reverse_kl`` is to first
    order, together with the chance that is left where q is p: there 2n KL is chi-squared with
    M - 1 degrees of freedom, so n samples of the true mixture give about (M - 1) / 2n and not 0.

    ``modes`` is from 0 to the number of classes, ``high_quality`` from 0 to 1, both better higher;
    ``reverse_kl`` is better lower, 0 at best. Images have no centres: `class-coverage` counts their
    modes by a classifier.

    Blind to which examples of a mode there are, so to copies of training examples and to collapse
    inside of a mode; ``high_quality`` to the loss of modes; ``reverse_kl`` to noise that leaves a
    sample nearest to its centre.

    Args:
        deviations: how many standard deviations from a centre are of high quality.
    """

    version = "1"
    needs = ("sample", "labels")
    invariances = ("sample-order", "real-order", "feature-rotation")
    scores = (
        Score("modes", better="higher", range=(0, None), blind=("copies",)),
        Score("high_quality", better="higher", range=(0, 1), blind=("collapse", "copies")),
        Score(
            "reverse_kl", better="lower", unit="nats", range=(0, None), blind=("noise", "copies")
        ),
    )

    def __init__(self, *, deviations: Annotated[float, Gt(0)] = 3.0) -> None:
        self.deviations = deviations

    def measure(self, evidence: Evidence) -> Mapping[str, Measurement | NotApplicable]:
        """All three scores, for points.

        Raises:
            NotApplicableError: no samples.
            GenbenchError: values that are not finite, a class without training
                examples, or as many classes as examples.
        """
        if evidence.data.kind != "points":
            reason = (
                "images of a class are spread around no centre: modes are counted for points; the "
                "metric class-coverage counts those of images"
            )
            return {score.name: NotApplicable(reason) for score in self.scores}
        centres, std, real = modes(evidence.train, evidence.data.classes)
        samples = evidence.samples
        if len(samples) == 0:
            raise NotApplicableError("mode-coverage needs at least 1 sample, there are 0")
        for x, what in (
            (samples, "a sample"),
            (evidence.train.x, f"an example of {evidence.train.name}"),
        ):
            if not x.isfinite().all():
                raise GenbenchError(f"mode-coverage cannot be measured: {what} is not finite.")

        distance, mode = nearest(samples, centres)  # (n,)
        good = distance <= self.deviations * std
        share = good.double().mean().item()
        drawn = torch.bincount(mode, minlength=len(centres)).double() / len(samples)  # q, (M,)
        return {
            "modes": Measurement(float(len(mode[good].unique()))),
            "high_quality": Measurement(share, math.sqrt(share * (1 - share) / len(samples))),
            "reverse_kl": divergence(drawn, real, len(samples)),
        }


def modes(train: Split, classes: int) -> tuple[Tensor, float, Tensor]:
    """Centres (M, D), the standard deviation of one dimension, and shares (M,) of the classes.

    Float64 on the CPU: not every device has it.
    """
    counted = counts("mode-coverage", train, classes)  # (M,)
    assert train.y is not None, "counts looks"
    x, y = train.x.cpu().double(), train.y.cpu()
    if len(x) <= classes:
        raise GenbenchError(
            f"mode-coverage cannot tell how far modes spread: {train.name} has {len(x)} examples "
            f"of {classes} classes, one of each."
        )
    sums = torch.zeros(classes, x.shape[1], dtype=x.dtype).index_add_(0, y, x)
    centres = sums / counted[:, None]  # (M, D)
    scatter = (x - centres[y]).square().sum().item()
    std = math.sqrt(scatter / (x.shape[1] * (len(x) - classes)))
    return centres, std, counted.double() / len(x)


def nearest(samples: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Distance to the nearest centre and which one it is, both (n,)."""
    pairs = [
        # differences, not products: what is near is not lost in what is far from the origin
        torch.cdist(block.cpu().double(), centres, compute_mode="donot_use_mm_for_euclid_dist").min(
            1
        )
        for block in samples.split(BLOCK)
    ]
    return torch.cat([pair.values for pair in pairs]), torch.cat([pair.indices for pair in pairs])
