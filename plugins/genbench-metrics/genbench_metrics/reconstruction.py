"""Reconstruction error: how much of an example is lost on its way through the model."""

from __future__ import annotations

import math
from collections.abc import Mapping

from genbench.contract import Evidence, Measurement, NotApplicable, Score
from genbench.errors import NotApplicableError

PEAK_TO_PEAK = 2.0
"""Of images in [-1, 1]."""


class Reconstruction:
    """Mean squared error and peak signal-to-noise ratio of the real split's reconstructions.

    ``mse`` is the mean over examples and their elements of the squared difference, as the model
    sees them: for images pixels in [-1, 1], so that 0 is exact and 4 is black for white; times
    (255/2)^2 it is in grey levels squared. For points it is in the data's own unit squared.

    ``psnr`` is 10 log10(2^2 / mse) in dB, of the whole split's mse: the mean over images of each
    one's own ratio would be infinite as soon as a single image is exact. So it is what
    scikit-image's ``peak_signal_noise_ratio`` gives for the whole split at once, and not the mean
    of what it gives image by image, which is never below it (Jensen's inequality).

    ``mse`` is better lower, from 0; ``psnr`` better higher, from 0, as images are clipped to
    [-1, 1]. Errors are standard errors over the examples of the split, psnr's to first order.

    Blind to structure: a blurred image may be nearer than a sharp one that is moved by a pixel.
    Blind to the size of the code that it took, and to what is the matter with samples.
    """

    version = "1"
    needs = ("reconstruct",)
    invariances = ("sample-order", "real-order", "feature-rotation", "batch-size", "device")
    scores = (
        Score("mse", better="lower", range=(0, None), known={"identical": 0.0}),
        Score("psnr", better="higher", unit="dB", range=(0, None)),
    )

    def measure(self, evidence: Evidence) -> Mapping[str, Measurement | NotApplicable]:
        """Both scores; there is no psnr of points or of images that are all exact.

        Raises:
            NotApplicableError: the split is empty.
        """
        originals, reconstructions = evidence.originals, evidence.reconstructions
        if len(originals) == 0:
            raise NotApplicableError(
                f"reconstruction needs at least 1 example, {evidence.real.name} is empty"
            )
        squared = (reconstructions - originals).square().flatten(1).mean(1)  # (N,)
        squared = squared.cpu().double()  # not every device has float64
        mse = squared.mean().item()
        error = squared.std().item() / math.sqrt(len(squared)) if len(squared) > 1 else None

        psnr: Measurement | NotApplicable
        if evidence.data.kind != "image":
            psnr = NotApplicable("points have no peak-to-peak range")
        elif mse == 0:
            psnr = NotApplicable("every reconstruction is exact: psnr is infinite")
        else:
            psnr = Measurement(
                10 * math.log10(PEAK_TO_PEAK**2 / mse),
                None if error is None else 10 / math.log(10) * error / mse,
            )
        return {"mse": Measurement(mse, error), "psnr": psnr}
