"""Where the manifold says that images are, whose distance or parameters are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from genbench_datasets import triangle_manifold
from genbench_datasets.triangle_manifold import (
    BLOCK,
    CELLS,
    LEAST,
    MOST,
    STEPS,
    TriangleManifold,
    bins,
    images,
    offsets,
    rendered,
    slopes,
)

MANIFOLD = TriangleManifold()


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def at_rest(pixels: Tensor) -> Tensor:
    return (pixels.clamp(0, 1) * 255).round().to(torch.uint8).view(-1, 1, 28, 28)


def random_parameters(n: int, seed: int = 0) -> Tensor:
    return LEAST + (MOST - LEAST) * torch.rand(n, 4, generator=rng(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def triangles() -> Tensor:
    """Pixels of 400 true triangles, from 0 to 1: (400, 1, 28, 28)."""
    return MANIFOLD.draw(400, rng(1)).float() / 255


def test_a_pixel_is_the_share_of_it_that_is_inside_except_at_corners() -> None:
    given = random_parameters(20)
    drawn, _ = rendered(given)
    fine = (torch.arange(20, dtype=torch.float64) + 0.5) / 20 - 0.5  # points of a pixel
    x, y = offsets(given)
    x, y = x[:, None, None] + fine, y[:, None, None] + fine[:, None]  # (784, 20, 20)
    for (cx, cy, r, t), pixels in zip(given.tolist(), drawn, strict=True):
        angles = [t + math.tau * k / 3 for k in range(3)]
        sides = torch.stack(
            [r - math.cos(angle) * (x - cx) - math.sin(angle) * (y - cy) for angle in angles]
        )
        share = (sides.amin(0) >= 0).double().mean((1, 2))
        ends = [
            (cx + 2 * r * math.cos(a + math.pi), cy + 2 * r * math.sin(a + math.pi)) for a in angles
        ]
        middle_x, middle_y = offsets(given)
        far = torch.stack([(middle_x - u).hypot(middle_y - v) > 2.5 for u, v in ends]).all(0)
        assert (pixels - share)[far].abs().max() < 0.06
        assert (pixels - share).abs().max() < 0.35


def test_a_third_of_a_turn_is_the_same_triangle() -> None:
    given = random_parameters(50)
    turned = given + torch.tensor([0, 0, 0, math.tau / 3], dtype=torch.float64)
    torch.testing.assert_close(rendered(turned)[0], rendered(given)[0])


def test_the_area_of_a_triangle_is_that_of_its_inscribed_circle() -> None:
    given = random_parameters(50)
    # 3 sqrt(3) r^2; the ramp at the corners leaves a little more out than in
    area = 3 * math.sqrt(3) * given[:, 2] ** 2
    torch.testing.assert_close(rendered(given)[0].sum(1), area, rtol=0.02, atol=0.3)


def test_the_slopes_are_those_of_the_distance() -> None:
    given, target = random_parameters(20), rendered(random_parameters(20, seed=1))[0]
    _, gradient, _ = slopes(target, given)
    for i in range(4):
        h = torch.zeros(4, dtype=torch.float64)
        h[i] = 1e-6
        change = slopes(target, given + h)[0] - slopes(target, given - h)[0]
        torch.testing.assert_close(change[:, 0] / 4e-6, gradient[:, i], rtol=1e-3, atol=1e-3)


def test_every_true_triangle_is_on_the_manifold() -> None:
    distance, _ = MANIFOLD.locate(MANIFOLD.draw(4000, rng()))
    # what rounding moves: some 90 pixels by up to half a level, 0.011 at most
    assert distance.max() < 0.02 < MANIFOLD.tolerance


def test_triangles_at_the_ends_of_every_range_are_on_the_manifold() -> None:
    share = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 4)
    distance, _ = MANIFOLD.locate(images(LEAST + (MOST - LEAST) * share))
    assert distance.max() < 0.02


def test_a_true_triangle_is_found_in_the_bin_that_it_was_made_from() -> None:
    middles = torch.cartesian_prod(*[(torch.arange(CELLS, dtype=torch.float64) + 0.5) / CELLS] * 4)
    given = LEAST + (MOST - LEAST) * middles
    _, found = MANIFOLD.locate(images(given))
    assert torch.equal(found, bins(given))
    assert torch.equal(found, torch.arange(MANIFOLD.bins))


def test_one_bright_pixel_away_from_the_triangle_is_a_distance_of_one(triangles: Tensor) -> None:
    spoilt = triangles.clone()
    spoilt[:, 0, 1, 1] = 1
    distance, found = MANIFOLD.locate(at_rest(spoilt))
    torch.testing.assert_close(distance, torch.ones_like(distance), rtol=0, atol=1e-3)
    assert torch.equal(found, MANIFOLD.locate(at_rest(triangles))[1])


def test_the_nearest_triangle_is_not_farther_than_the_one_that_was_spoilt(
    triangles: Tensor,
) -> None:
    noise = 0.03 * torch.randn(triangles.shape, generator=rng())
    spoilt = at_rest(triangles + noise)
    before = (spoilt / 255 - triangles).flatten(1).norm(dim=1).double()
    distance, _ = MANIFOLD.locate(spoilt)
    assert (distance - before).max() < 0.01
    assert (distance > 0.9 * before).all()  # four numbers cannot follow 784


def blurred(pixels: Tensor, sigma: float) -> Tensor:
    kernel = (-(torch.arange(-6, 7) ** 2) / (2 * sigma**2)).exp()
    kernel = kernel / kernel.sum()
    down = conv2d(pixels, kernel.view(1, 1, -1, 1), padding=(6, 0))
    return conv2d(down, kernel.view(1, 1, 1, -1), padding=(0, 6))


def circles_and_squares() -> tuple[Tensor, Tensor]:
    x, y, r, t = (column[:, None] for column in random_parameters(100).unbind(1))
    across, down = offsets(x)
    across, down = across - x, down - y
    u, v = t.cos() * across + t.sin() * down, t.cos() * down - t.sin() * across
    circles = (1.3 * r - across.hypot(down) + 0.5).clamp(0, 1)
    squares = (1.1 * r - torch.maximum(u.abs(), v.abs()) + 0.5).clamp(0, 1)
    return circles, squares


def test_other_shapes_are_off_the_manifold(triangles: Tensor) -> None:
    circles, squares = circles_and_squares()
    one, another = triangles[:200], triangles[200:]
    both = torch.maximum(one, another)
    # neither hides the other
    apart = (
        torch.minimum((both - one).flatten(1).norm(dim=1), (both - another).flatten(1).norm(dim=1))
        > 4
    )
    others = {
        "circles": circles,
        "squares": squares,
        "two triangles": both[apart],
        "the mean of two triangles": (one + another)[apart] / 2,
        "blurred by a pixel": blurred(triangles, 1.0),
        "hollow": triangles - blurred(triangles, 1.5),
        "negative": 1 - triangles,
        "noisy": triangles + 0.1 * torch.randn(triangles.shape, generator=rng()),
        "uniform noise": torch.rand(100, 784, generator=rng()),
        "black": torch.zeros(1, 784),
        "white": torch.ones(1, 784),
    }
    assert apart.sum() > 50
    for name, pixels in others.items():
        distance, _ = MANIFOLD.locate(at_rest(pixels))
        assert distance.min() > MANIFOLD.tolerance, name


def test_a_triangle_outside_of_the_ranges_is_off_the_manifold() -> None:
    outside = torch.tensor(
        [[9.0, 14, 3, 0], [14, 19, 3, 0], [14, 14, 2.0, 1], [14, 14, 5.0, 1]], dtype=torch.float64
    )
    distance, _ = MANIFOLD.locate(images(outside))
    assert distance.min() > 2 * MANIFOLD.tolerance


def test_where_an_image_is_found_does_not_depend_on_the_others(triangles: Tensor) -> None:
    x = at_rest(triangles + 0.05 * torch.randn(triangles.shape, generator=rng()))
    distance, found = MANIFOLD.locate(x)
    order = torch.randperm(len(x), generator=rng())
    again, found_again = MANIFOLD.locate(x[order])
    torch.testing.assert_close(again, distance[order], rtol=1e-4, atol=1e-4)
    assert (found_again == found[order]).double().mean() > 0.99


def test_draws_are_those_of_the_generator() -> None:
    assert torch.equal(MANIFOLD.draw(5, rng()), MANIFOLD.draw(5, rng()))
    assert not torch.equal(MANIFOLD.draw(5, rng()), MANIFOLD.draw(5, rng(1)))


def test_draws_reach_every_cell_of_every_parameter() -> None:
    _, found = MANIFOLD.locate(MANIFOLD.draw(2000, rng()))
    for place in range(4):
        counts = torch.bincount(found // CELLS**place % CELLS, minlength=CELLS)
        assert (counts - 2000 / CELLS).abs().max() < 4 * (2000 / CELLS) ** 0.5


def test_no_images_are_nowhere() -> None:
    distance, found = MANIFOLD.locate(torch.empty(0, 1, 28, 28, dtype=torch.uint8))
    assert (distance.shape, distance.dtype) == ((0,), torch.float64)
    assert (found.shape, found.dtype) == ((0,), torch.int64)


@pytest.mark.parametrize(
    "x",
    [torch.zeros(2, 1, 28, 28), torch.zeros(2, 3, 28, 28, dtype=torch.uint8)],
    ids=["float", "colour"],
)
def test_other_images_are_refused(x: Tensor) -> None:
    with pytest.raises(ValueError, match=r"uint8 images of shape \(N, 1, 28, 28\), not"):
        MANIFOLD.locate(x)


def test_each_image_is_compared_a_fixed_number_of_times_in_blocks_of_bounded_size(
    triangles: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = triangle_manifold.rendered
    drawn: list[int] = []

    def counted(parameters: Tensor) -> tuple[Tensor, Tensor]:
        drawn.append(len(parameters))
        return really(parameters)

    noisy = at_rest(triangles + 0.3 * torch.randn(triangles.shape, generator=rng()))
    MANIFOLD.locate(noisy[:1])  # templates are drawn once
    monkeypatch.setattr(triangle_manifold, "rendered", counted)
    for x in (at_rest(triangles), noisy):  # whether it is near the manifold or far from it
        drawn.clear()
        MANIFOLD.locate(x)
        assert sum(drawn) == (STEPS + 1) * len(x)
        assert max(drawn) == BLOCK < len(x)
