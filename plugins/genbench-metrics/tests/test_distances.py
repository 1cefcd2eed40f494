"""Distances by blocks are exact: held to all of them at once, taken pair by pair."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from genbench_metrics import distances, screening
from genbench_metrics.distances import between, nearest, sweep


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def all_distances(x: Tensor, y: Tensor) -> Tensor:
    mode = "donot_use_mm_for_euclid_dist"
    return torch.cdist(x.double(), y.double(), compute_mode=mode)


def ulps(n: int, seed: int = 0) -> Tensor:
    """Around (1e6, …), (-3, …) and (7, …), in each number a few float32 steps off at most."""
    rng = torch.Generator().manual_seed(seed)
    around = torch.tensor([1e6, -3.0, 7.0])[torch.arange(n) % 3][:, None].expand(n, 4)
    step = torch.nextafter(around, torch.tensor(torch.inf)) - around
    return around + torch.randint(0, 4, (n, 4), generator=rng) * step


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "ROWS", 64)
    monkeypatch.setattr(distances, "COLUMNS", 48)
    monkeypatch.setattr(distances, "STRIP", 20)
    monkeypatch.setattr(screening, "PART", 20)


SETS = {
    "few features": lambda: (normal(150, 3), normal(130, 3, seed=1)),
    "many features": lambda: (normal(150, 300), normal(130, 300, seed=1)),
    "one feature": lambda: (normal(150, 1), normal(130, 1, seed=1)),
    "far from zero": lambda: (normal(150, 8) + 1e4, normal(130, 8, seed=1) + 1e4),
    "two clusters far apart": lambda: (
        torch.cat([normal(75, 8), normal(75, 8, seed=2) * 1e-4 + 50]),
        normal(130, 8, seed=1) * 1e-4 + 50,
    ),
    "huge": lambda: (normal(150, 8) * 1e37, normal(130, 8, seed=1) * 1e37),
    "tiny": lambda: (normal(150, 8) * 1e-37, normal(130, 8, seed=1) * 1e-37),
    "one outlier": lambda: (
        torch.cat([normal(149, 8), torch.full((1, 8), 1e6)]),
        normal(130, 8, seed=1),
    ),
    **{
        f"one outlier at {far:.0e}": lambda far=far: (
            torch.cat([normal(149, 8), torch.full((1, 8), far)]),
            torch.cat([normal(129, 8, seed=1), torch.full((1, 8), far)]),
        )
        for far in (1e10, 1e11, 1e12, 1e37)
    },
    "many outliers, of all sizes": lambda: (
        normal(150, 8) * 10 ** torch.linspace(-30, 30, 150)[:, None],
        normal(130, 8, seed=1) * 10 ** torch.linspace(-30, 30, 130)[:, None],
    ),
    "two halves far apart": lambda: (
        torch.cat([normal(75, 8), normal(75, 8, seed=2) + 1e9]),
        torch.cat([normal(64, 8, seed=1), normal(66, 8, seed=3) + 1e9]),
    ),
    "clusters whose points are one ulp apart": lambda: (ulps(150), ulps(130, seed=1)),
    "repeated": lambda: (normal(30, 8).repeat(5, 1), normal(30, 8)[:13].repeat(10, 1)),
    "ties": lambda: ((normal(150, 8) > 0).float(), (normal(130, 8, seed=1) > 0).float()),
    "all the same": lambda: (torch.ones(150, 4), torch.ones(130, 4)),
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("k", [1, 5])
def test_nearest_neighbours_are_those_of_all_distances(name: str, k: int) -> None:
    x, y = SETS[name]()
    expected = all_distances(x, y)
    found, which = nearest(x, y, k)
    torch.testing.assert_close(found, expected.topk(k, largest=False).values, rtol=1e-13, atol=0)
    assert torch.equal(found, expected.gather(1, which))


@pytest.mark.parametrize("name", SETS)
def test_no_row_is_its_own_neighbour_but_a_copy_of_it_is(name: str) -> None:
    x, _ = SETS[name]()
    expected = all_distances(x, x).fill_diagonal_(torch.inf)
    found, which = nearest(x, x, 3, themselves=True)
    torch.testing.assert_close(found, expected.topk(3, largest=False).values, rtol=1e-13, atol=0)
    assert not (which == torch.arange(len(x))[:, None]).any()


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("of_rows", [True, False])
def test_pairs_within_radii_are_those_of_all_distances(
    name: str, closed: bool, of_rows: bool
) -> None:
    x, y = SETS[name]()
    # distances that there are: what is on the edge decides
    radii = all_distances(x, y).topk(4, dim=1 if of_rows else 0, largest=False).values
    radii = radii[:, -1:] if of_rows else radii[-1:]
    expected = all_distances(x, y) <= radii if closed else all_distances(x, y) < radii
    found = torch.zeros_like(expected)
    for block in sweep(x, y):
        own = radii[block.rows] if of_rows else radii[:, block.columns]
        found[block.rows, block.columns] = block.within(own, closed=closed)
    assert torch.equal(found, expected)


def test_what_is_identical_is_at_distance_zero_where_a_product_says_otherwise() -> None:
    x = normal(200, 64) * 100
    products = x.square().sum(1) * 2 - 2 * (x @ x.T).diagonal()
    assert (products != 0).any()
    every = torch.arange(200)
    assert (between(x, every, x.clone(), every) == 0).all()
    assert (nearest(x, x.clone(), 1)[0] == 0).all()


def test_a_pair_has_one_distance_in_either_order_and_any_company() -> None:
    x, y = normal(100, 77), normal(100, 77, seed=1)
    every = torch.arange(100)
    there, back = between(x, every, y, every), between(y, every, x, every)
    alone = torch.cat([between(x, i, y, i) for i in every.split(1)])
    assert torch.equal(there, back)
    assert torch.equal(there, alone)


def test_blocks_of_any_size_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normal(150, 20), normal(130, 20, seed=1)
    small = nearest(x, y, 4)
    monkeypatch.setattr(distances, "ROWS", 1000)
    monkeypatch.setattr(distances, "COLUMNS", 1000)
    whole = nearest(x, y, 4)
    assert torch.equal(small[0], whole[0])
    assert torch.equal(small[1], whole[1])


def test_equally_far_neighbours_come_in_the_order_of_their_rows() -> None:
    corners = torch.tensor([[-1.0], [1.0]]).repeat(40, 1)
    _, which = nearest(torch.zeros(1, 1), corners, 5)
    assert which.tolist() == [[0, 1, 2, 3, 4]]


WITHIN = """
import re
from pathlib import Path

import torch
from genbench_metrics.distances import sweep


def peak():
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])


rng = torch.Generator().manual_seed(0)
(warm,) = sweep(torch.randn(9, 64, generator=rng), torch.randn(9, 64, generator=rng))
warm.within(torch.full((9, 1), 1.0).double(), closed=True)
(block,) = sweep(torch.randn(2048, 64, generator=rng), torch.randn(2048, 64, generator=rng))
before = peak()
assert block.within(torch.full((2048, 1), RADIUS).double(), closed=True).any()
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("radius", [1e6, 11.3], ids=["all inside", "half of them"])
def test_however_many_pairs_are_within_memory_is_that_of_a_few_blocks(radius: float) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHIN.replace("RADIUS", str(radius))],
        # what is freed is given back, which glibc does not do else
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) <= 4 * 16 * 1024  # KiB; a block is 16 MiB


def test_a_process_that_asked_for_rough_products_gets_exact_neighbours() -> None:
    x, y = normal(150, 64), normal(130, 64, seed=1)
    exact = nearest(x, y, 3)[0]
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", torch.bfloat16):
            rough = nearest(x, y, 3)[0]
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    assert torch.equal(rough, exact)


@pytest.mark.parametrize(("k", "themselves"), [(0, False), (6, False), (5, True)])
def test_more_neighbours_than_there_are_is_refused(k: int, themselves: bool) -> None:
    x = normal(5, 2)
    with pytest.raises(ValueError, match=f"{k} nearest neighbours of each were asked for, among"):
        nearest(x, x, k, themselves=themselves)


def test_no_rows_have_no_neighbours() -> None:
    distances, which = nearest(normal(0, 3), normal(5, 3), 2)
    assert distances.shape == which.shape == (0, 2)
