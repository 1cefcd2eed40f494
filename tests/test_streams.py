"""One seed, many streams."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from genbench.streams import generator, seed_global, separate, stream_seed


def draw() -> tuple[float, float, float]:
    return torch.rand(()).item(), float(np.random.rand()), random.random()


def test_streams_of_one_seed_differ_and_are_the_same_every_time() -> None:
    seeds = {stream_seed(seed, name) for seed in (0, 1) for name in ("order", "training")}
    assert len(seeds) == 4
    assert stream_seed(0, "order") == 5231958647509549229


def test_what_is_drawn_in_a_separate_block_leaves_no_trace() -> None:
    seed_global(0, "training")
    expected = [draw(), draw()]
    seed_global(0, "training")
    first = draw()
    with separate(0, "evaluation", torch.device("cpu")):
        inside = draw()
    assert [first, draw()] == expected
    assert inside not in expected


def test_a_separate_block_leaves_no_trace_when_it_raises() -> None:
    seed_global(0, "training")
    expected = draw()
    seed_global(0, "training")

    def draw_and_raise() -> None:
        with separate(0, "evaluation", torch.device("cpu")):
            draw()
            raise KeyError

    with pytest.raises(KeyError):
        draw_and_raise()
    assert draw() == expected


def test_a_generator_starts_at_its_stream() -> None:
    first = torch.rand(3, generator=generator(0, "sampling"))
    assert torch.equal(first, torch.rand(3, generator=generator(0, "sampling")))
    assert not torch.equal(first, torch.rand(3, generator=generator(1, "sampling")))
