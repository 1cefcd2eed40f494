"""The manifold of ``triangles``: how a triangle is drawn, and how the nearest one is found.

A triangle is a row (x, y, r, t): the centre of its inscribed circle and that circle's radius, in
pixels, and an angle in radians. Pixel (i, j) of row i and column j has its middle at
(j + 1/2, i + 1/2). Side k = 0, 1, 2 has the outward normal n_k = (cos(t + 2 pi k/3),
sin(t + 2 pi k/3)), so a third of a turn changes nothing, and t is below 2 pi/3.
"""

from __future__ import annotations

import functools
import itertools
import math

import torch
from torch import Generator, Tensor

PIXELS = 28
"""Of a side of the image."""

LEAST = torch.tensor([10.0, 10.0, 2.5, 0.0], dtype=torch.float64)
MOST = torch.tensor([18.0, 18.0, 4.5, math.tau / 3], dtype=torch.float64)
"""Of x, y, r and t. A corner is 2r from the centre, so it stays a pixel away from the edge."""

CELLS = 6
"""Into how many equal parts the range of each parameter is parted: 6^4 bins."""

GRID = (8, 8, 4, 8)
"""Templates along each parameter: their middles are at most 1/2 px, 1/4 px and 7.5 degrees from
any triangle, so that the sides of one are within a pixel of the other's."""

STEPS = 12
"""Of the refinement: twice as many brought 3,000 spoilt triangles 0.00001 nearer on average."""

BLOCK = 250
"""Images at a time: what is made of them then stays in a processor's cache."""


class TriangleManifold:
    """All triangles of the data set; `genbench.contract.Manifold`.

    A distance is Euclidean, between images whose pixels are numbers from 0 (black) to 1 (white):
    1 is that of a single pixel turned from one to the other.

    ``locate`` compares an image with 2,048 templates, evenly spread, and goes on from the nearest
    by Gauss-Newton steps with Levenberg's damping ("A Method for the Solution of Certain
    Non-Linear Problems in Least Squares", 1944), inside the range of the parameters. Of 200,000
    true triangles none was found farther away than 0.011, which is what rounding to uint8 makes.
    Of images that were spoilt by a distance of 0.95, one in thousands was found up to 0.13 farther
    from the manifold than from the triangle it had been, as sides that are smoothed by a ramp
    leave small dents in the distance. Of an image that is far from all triangles the distance is
    an upper bound, and at most that of the nearest template.
    """

    bins = CELLS**4
    tolerance = 1.0

    def locate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Distance to the nearest triangle, float64 (N,), and its bin, int64 (N,), on the CPU.

        Args:
            x: uint8 (N, 1, 28, 28), on any device.

        Raises:
            ValueError: x is of another shape or dtype.
        """
        if x.dtype != torch.uint8 or x.shape[1:] != (1, PIXELS, PIXELS):
            raise ValueError(
                f"triangles are uint8 images of shape (N, 1, {PIXELS}, {PIXELS}), "
                f"not {str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"
            )
        found = [self._located(block.cpu()) for block in x.split(BLOCK)]
        parameters = torch.cat([torch.empty(0, 4, dtype=torch.float64), *(p for p, _ in found)])
        distances = torch.cat([torch.empty(0, dtype=torch.float64), *(d for _, d in found)])
        return distances, bins(parameters)

    def draw(self, n: int, rng: Generator) -> Tensor:
        """New triangles, their parameters independent and uniform: uint8 (n, 1, 28, 28)."""
        uniform = torch.rand(n, 4, generator=rng, dtype=torch.float64)
        return images(LEAST + (MOST - LEAST) * uniform)

    def _located(self, x: Tensor) -> tuple[Tensor, Tensor]:
        pixels = x.flatten(1).float() / 255  # (N, 784)
        parameters = refined(pixels, nearest_template(pixels))  # (N, 4)
        apart = rendered(parameters)[0] - x.flatten(1).double() / 255
        return parameters, apart.square().sum(1).sqrt()


def images(parameters: Tensor) -> Tensor:
    """Triangles at rest, uint8 (N, 1, 28, 28), of parameters float64 (N, 4)."""
    blocks = [(255 * rendered(block)[0]).round() for block in parameters.split(BLOCK)]
    pixels = torch.cat([torch.empty(0, PIXELS**2, dtype=torch.float64), *blocks])
    return pixels.to(torch.uint8).view(-1, 1, PIXELS, PIXELS)


def rendered(parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels from 0 to 1, (N, 784), of parameters (N, 4); and the side nearest to each, (N, 784).

    A pixel is d + 1/2, cut to [0, 1], where d = min_k (r - n_k . (p - c)) is how far its middle p
    is inside the nearest side, negative outside. So a side is smoothed over one pixel: the pixel
    is the share of its area that is inside where a side runs along the grid, and within 0.05 of
    that where one runs in any other direction.
    """
    x, y, r, t = (column[:, None] for column in parameters.unbind(1))  # (N, 1)
    across, down = offsets(parameters)  # (784,)
    across, down = across - x, down - y  # (N, 784)
    inside, side = torch.full_like(across, torch.inf), torch.zeros_like(across, dtype=torch.int64)
    for k in range(3):
        angle = t + math.tau * k / 3
        distance = r - (angle.cos() * across + angle.sin() * down)
        side.masked_fill_(distance < inside, k)
        inside = torch.minimum(inside, distance)
    return (inside + 0.5).clamp_(0, 1), side


def offsets(like: Tensor) -> tuple[Tensor, Tensor]:
    """x and y of the middles of all pixels, row by row, (784,) each."""
    middles = torch.arange(PIXELS, dtype=like.dtype) + 0.5
    return middles.repeat(PIXELS), middles.repeat_interleave(PIXELS)


def bins(parameters: Tensor) -> Tensor:
    """Which of the CELLS^4 cells parameters (N, 4) are in: int64 (N,)."""
    share = (parameters - LEAST) / (MOST - LEAST)
    cell = (share * CELLS).long().clamp_(0, CELLS - 1)  # (N, 4)
    return (cell * torch.tensor([CELLS**3, CELLS**2, CELLS, 1])).sum(1)


@functools.cache
def templates() -> tuple[Tensor, Tensor, Tensor]:
    """Parameters (T, 4), pixels (T, 784) and half their squared norms (T,), float32."""
    axes = [(torch.arange(n, dtype=torch.float64) + 0.5) / n for n in GRID]
    share = torch.tensor(list(itertools.product(*axes)), dtype=torch.float64)
    parameters = LEAST + (MOST - LEAST) * share
    pixels = torch.cat([rendered(block)[0] for block in parameters.split(BLOCK)]).float()
    return parameters.float(), pixels, pixels.square().sum(1) / 2


def nearest_template(pixels: Tensor) -> Tensor:
    """Parameters float32 (N, 4) of the templates nearest to pixels (N, 784)."""
    parameters, candidates, half_squares = templates()
    # ||x - t||^2 is smallest where ||t||^2 / 2 - x.t is
    return parameters[torch.addmm(half_squares, pixels, candidates.T, alpha=-1).argmin(1)]


def refined(pixels: Tensor, parameters: Tensor) -> Tensor:
    """Go from parameters (N, 4) to the nearest triangles of pixels (N, 784): float64 (N, 4).

    Every image has a damping of its own: less after a step that came nearer, more after one that
    did not and is taken back.
    """
    best, least = parameters, torch.full((len(pixels), 1), torch.inf)
    damping = torch.full((len(pixels), 1), 0.01)
    gradient, curvature = torch.zeros(len(pixels), 4), torch.zeros(len(pixels), 4, 4)
    for _ in range(STEPS):
        squared, its_gradient, its_curvature = slopes(pixels, parameters)
        nearer = squared < least  # (N, 1)
        least = torch.where(nearer, squared, least)
        best = torch.where(nearer, parameters, best)
        gradient = torch.where(nearer, its_gradient, gradient)
        curvature = torch.where(nearer[..., None], its_curvature, curvature)
        damping = torch.where(nearer, damping / 4, damping * 8).clamp(1e-6, 1e6)
        diagonal = curvature.diagonal(dim1=1, dim2=2) * (1 + damping) + 1e-6  # (N, 4)
        step = torch.linalg.solve(curvature.diagonal_scatter(diagonal, dim1=1, dim2=2), gradient)
        parameters = best - step
        inside = parameters[:, :3].clamp(LEAST[:3].float(), MOST[:3].float())
        parameters = torch.cat([inside, parameters[:, 3:] % (math.tau / 3)], 1)
    return best.double()


def slopes(pixels: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Squared distance (N, 1), and J^T e (N, 4) and J^T J (N, 4, 4) of e, drawn minus given."""
    drawn, side = rendered(parameters)  # (N, 784)
    apart = drawn - pixels
    across, down = offsets(parameters)
    across, down = across - parameters[:, :1], down - parameters[:, 1:2]
    angles = parameters[:, 3:] + torch.arange(3) * (math.tau / 3)  # (N, 3)
    cos, sin = angles.cos().gather(1, side), angles.sin().gather(1, side)  # (N, 784)
    jacobian = torch.stack([cos, sin, torch.ones_like(cos), sin * across - cos * down], 1)
    jacobian *= ((drawn > 0) & (drawn < 1))[:, None]  # what is cut off does not move
    return (
        apart.square().sum(1, keepdim=True),
        (jacobian @ apart[..., None]).squeeze(2),
        jacobian @ jacobian.mT,
    )
