"""Structural similarity: whether reconstructions keep the structure of images, by windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from genbench.contract import Evidence, Measurement, NotApplicable, Score
from genbench_metrics.averages import mean_of
from genbench_metrics.pixels import blocks

SIGMA = 1.5
K1, K2 = 0.01, 0.03
WINDOWS = (11, 9, 7, 5, 3)


class SSIM:
    """Mean structural similarity of the real split's reconstructions and originals.

    Zhou Wang, Alan Bovik, Hamid Sheikh and Eero Simoncelli, "Image quality assessment: from error
    visibility to structural similarity", 2004, equation 13: for each window x of an original and y
    of its reconstruction, of pixels between 0 and 1,

        (2 m_x m_y + C1) (2 s_xy + C2) / ((m_x^2 + m_y^2 + C1) (s_x^2 + s_y^2 + C2))

    with C1 = 0.01^2, C2 = 0.03^2 and means m, variances s^2 and covariance s_xy under Gaussian
    weights of standard deviation 1.5 over 11x11 pixels, divided by the sum of the weights. The mean
    is over all windows that lie inside the image, over channels, each for itself, and over images.
    With a window of 11 it is scikit-image's ``structural_similarity(gaussian_weights=True,
    sigma=1.5, use_sample_covariance=False, data_range=1)`` of pixels (x + 1) / 2, not of the
    numbers in [-1, 1] that a model sees: means below 0 would turn the first factor round.

    ``ssim`` has no unit; better higher; at most 1, which only an exact reconstruction has, and not
    below -1.
    Images with a side below 11 pixels are measured by the largest odd window that fits, 7 for the
    8x8 of ``digits``: the same weights, cut off earlier. That is no other tool's number, as
    scikit-image always weighs 11x11 pixels, but one and the same for all models on a data set. A
    window that is asked for is the one that is taken, or there is no SSIM. The error is the
    standard error over images.

    Blind to where in the image a difference lies, to what is the matter with samples, and nearly
    blind to a small shift of brightness in bright windows. Colours are not compared across
    channels.

    Args:
        window: pixels on a side; none is 11, or what fits.
    """

    version = "1"
    needs = ("reconstruct",)
    invariances = ("sample-order", "real-order", "feature-rotation", "batch-size", "device")
    scores = (Score("ssim", better="higher", range=(-1, 1), known={"identical": 1.0}),)

    def __init__(self, *, window: Literal[3, 5, 7, 9, 11] | None = None) -> None:
        self.window = window

    def measure(self, evidence: Evidence) -> Mapping[str, Measurement | NotApplicable]:
        """The mean over the split; there is none of points, or of images smaller than a window.

        Raises:
            GenbenchError: the split is empty.
        """
        if evidence.data.kind != "image":
            return {"ssim": NotApplicable("points have no windows")}
        height, width = evidence.data.shape[1:]
        fits = next((size for size in WINDOWS if size <= min(height, width)), min(WINDOWS))
        window: int = self.window or fits
        if window > min(height, width):
            reason = f"images of {height}x{width} are smaller than a window of {window}"
            return {"ssim": NotApplicable(reason)}
        values = torch.cat([ssim(x, y, window) for x, y in blocks(evidence)])  # (N,)
        return {"ssim": mean_of("ssim", values, evidence.real.name)}


def ssim(x: Tensor, y: Tensor, window: int = 11) -> Tensor:
    """Of each pair of images float64 (N, C, H, W) with pixels in [0, 1]: (N,), in [-1, 1].

    Either factor is written as 1 - (what tells x from y) / (the size of both), of which neither is
    below 0: so none is above 1, whatever is rounded. Of variances, (2 s_xy + C2) / (s_xx + s_yy +
    C2) is 1 - s_dd / (s_xx + s_yy + C2) with d = x - y.
    """
    n, channels, height, width = x.shape
    # A variance does not change with where it is taken from, but near the mean less cancels.
    near_x, near_y = (z - z.mean((2, 3), keepdim=True) for z in (x, y))
    near_d = near_x - near_y
    maps = torch.stack(
        (x, y, near_x, near_y, near_d, near_x.square(), near_y.square(), near_d.square())
    )
    weighted = gaussian(maps.reshape(-1, 1, height, width), window)
    mean_x, mean_y, *moments = weighted.view(8, n, channels, *weighted.shape[2:])
    xx, yy, dd = (
        (square - mean.square()).clamp(min=0)
        for mean, square in zip(moments[:3], moments[3:], strict=True)
    )
    c1, c2 = K1**2, K2**2
    luminance = 1 - (mean_x - mean_y).square() / (mean_x.square() + mean_y.square() + c1)
    structure = 1 - dd / (xx + yy + c2)
    similarity: Tensor = luminance * structure
    return similarity.flatten(1).mean(1).clamp(-1, 1)


def gaussian(x: Tensor, window: int) -> Tensor:
    """Weighted means of x (N, 1, H, W) over every window inside: (N, 1, H - window + 1, …)."""
    distance = torch.arange(window, dtype=x.dtype) - window // 2
    weights = torch.exp(-distance.square() / (2 * SIGMA**2))
    weights /= weights.sum()
    down = conv2d(x, weights.view(1, 1, -1, 1))
    across: Tensor = conv2d(down, weights.view(1, 1, 1, -1))
    return across
