"""The check of what a data set says of the manifold that its examples lie on."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from genbench.contract import Manifold
from genbench.streams import seed_global
from genbench.testing.dataset_subject import DatasetSubject
from genbench.testing.finding import DoesNotApplyError, Finding
from genbench.testing.models import same_bits
from genbench.testing.suite import Found, check

EXAMPLES = 256
"""That are located: of the training split, and of those drawn."""

SHARE = 0.99
"""Of true examples, those that lie on it: noise has tails, and a tolerance an end."""


@check("splits")
def manifold(subject: DatasetSubject) -> Found:
    """manifold, if it has one: true examples lie on it, draw() gives such, of rng alone."""
    given = subject.loaded.manifold
    if given is None:
        raise DoesNotApplyError("it has none")
    wrong = _numbers(given)
    if wrong:
        yield Finding(wrong, "Distances and bins are counted by them.")
        return
    train = subject.loaded.train.x[:EXAMPLES].clone()
    findings = [*_located(subject, given, train, "training examples")]
    yield from findings or _drawn(subject, given)
    yield f"{given.bins:,} bins, tolerance {given.tolerance:g}"


def _numbers(given: Manifold) -> str:
    bins: Any = given.bins
    tolerance: Any = given.tolerance
    if not isinstance(bins, int) or bins < 1:
        return f"bins is {bins!r}, no number of parts."
    if not isinstance(tolerance, int | float) or not 0 < tolerance < math.inf:
        return f"tolerance is {tolerance!r}, no distance."
    return ""


def _located(subject: DatasetSubject, given: Manifold, x: Tensor, title: str) -> Found:
    """Findings of where some true examples are found to be."""
    before = x.clone()
    with subject.calling(f"manifold.locate(x of {tuple(x.shape)})"), torch.no_grad():
        distances, bins = given.locate(x)
    if not torch.equal(x, before):
        yield Finding("locate(x) changed its x in place.", "Work on a copy.")
    for name, found, dtype in (
        ("distances", distances, torch.float64),
        ("bins", bins, torch.int64),
    ):
        if found.dtype != dtype or tuple(found.shape) != (len(x),):
            shown = f"{_plain(found.dtype)} {tuple(found.shape)}"
            yield Finding(
                f"locate() of {len(x)} {title} gave {name} {shown}.",
                f"They are {_plain(dtype)} (N,).",
            )
            return
    if not bool(((bins >= 0) & (bins < given.bins)).all()):
        yield Finding(
            f"locate() of {title} gave bins from {int(bins.min())} to {int(bins.max())}.",
            f"They are from 0 to {given.bins - 1}, as bins = {given.bins}.",
        )
    on = float((distances.abs() <= given.tolerance).double().mean())
    if on < SHARE or bool((distances < 0).any()):
        yield Finding(
            f"Of {len(x)} {title} {on:.0%} lie on it: their distances are from "
            f"{float(distances.min()):.3g} to {float(distances.max()):.3g}, its tolerance is "
            f"{given.tolerance:g}.",
            "What the data set itself makes counts as on the manifold.",
        )


def _drawn(subject: DatasetSubject, given: Manifold) -> Found:
    """Findings of new true examples."""
    train = subject.loaded.train.x
    expected = train.dtype, tuple(train.shape[1:])
    draws = []
    # Twice from one place of rng, with the global streams elsewhere; then from another place.
    for n, seed, elsewhere in ((EXAMPLES, 0, 0), (EXAMPLES, 0, 1), (EXAMPLES, 1, 0), (1, 0, 0)):
        seed_global(elsewhere, "manifold")
        with subject.calling(f"manifold.draw({n}, rng)"), torch.no_grad():
            x = given.draw(n, torch.Generator().manual_seed(seed))
        if (x.dtype, tuple(x.shape)) != (expected[0], (n, *expected[1])):
            yield Finding(
                f"draw({n}, rng) gave {_plain(x.dtype)} {tuple(x.shape)}.",
                f"Give {_plain(expected[0])} {(n, *expected[1])}: n examples, at rest.",
            )
            return
        draws.append(x)
    if not same_bits(draws[0], draws[1]):
        yield Finding("Two draws with equally seeded rngs differ.", "Draw from rng alone.")
    elif same_bits(draws[0], draws[2]):
        yield Finding("Draws with differently seeded rngs are the same.", "Draw from rng.")
    yield from _located(subject, given, draws[0], "examples that draw() gave")


def _plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
