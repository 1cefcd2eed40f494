"""Made-up evidence is what it is said to be: the checks of metrics stand on it."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from genbench.contract import Need
from genbench.data import to_model
from genbench.testing import rulers, worlds
from genbench.testing.evidence import GivenEvidence
from genbench.testing.made_up import SHAPES, Kind, Quality, made_up

NEEDS: tuple[Need, ...] = get_args(Need)
KINDS: tuple[Kind, ...] = get_args(Kind)


def evidence(quality: Quality = "good", kind: Kind = "image", **more: float) -> GivenEvidence:
    return made_up(NEEDS, quality, kind, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_good_samples_are_of_the_data_and_none_of_it(kind: Kind) -> None:
    given = evidence(kind=kind)
    known = {row.tobytes() for row in (*given.real.x.numpy(), *given.train.x.numpy())}
    assert not any(row.tobytes() in known for row in given.samples.numpy())
    gap = given.features("samples").mean(0) - given.features("real").mean(0)
    spread = given.features("real").std(0)
    # A difference of two means of 128 has a standard deviation of an eighth of that.
    assert float((gap / spread).abs().max()) < 4 / 8


def test_samples_that_are_identical_copied_or_collapsed_are_just_that() -> None:
    identical, copied, collapsed = map(evidence, ("identical", "copied", "collapsed"))
    assert torch.equal(identical.samples, identical.real.x)
    assert torch.equal(identical.reconstructions, identical.originals)
    assert torch.equal(identical.train_reconstructions, identical.train_originals)
    assert torch.equal(copied.samples, copied.train.x[:128])
    assert torch.equal(collapsed.samples, collapsed.real.x[:1].expand_as(collapsed.samples))


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_the_data_is_on_its_manifold_and_noise_is_not(kind: Kind) -> None:
    given = evidence(kind=kind, n=32)
    manifold = given.manifold
    assert manifold is not None
    drawn = manifold.draw(500, torch.Generator().manual_seed(0))
    assert drawn.dtype == given.real.x.dtype
    for x in (given.real.x, given.train.x, drawn):
        distance, bins = manifold.locate(x)
        assert float(distance.max()) <= manifold.tolerance
        assert len(bins.unique()) > 0.8 * manifold.bins
    distance, bins = manifold.locate(evidence("noise", kind).samples)
    assert float((distance <= manifold.tolerance).double().mean()) < 0.2
    assert int(bins.max()) < manifold.bins


def test_places_on_the_manifold_are_found_as_they_were_made() -> None:
    angle = torch.tensor([0.02, 1.6, 3.2, 6.2])
    spots = worlds.spots(angle, SHAPES["image"])[:, None]
    _, bins = rulers.Spots(SHAPES["image"]).locate((25 + 180 * spots).to(torch.uint8))
    expected = (angle / (2 * torch.pi) * 64).long()
    assert bins.tolist() == expected.tolist()
    points = torch.stack([angle.cos(), angle.sin()], 1)
    distance, bins = rulers.Circle((2,)).locate(points * torch.tensor([[1], [0.5], [1], [2]]))
    assert distance.tolist() == pytest.approx([0, 0.5, 0, 1], abs=1e-6)
    assert bins.tolist() == expected.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_the_classifier_knows_the_classes(kind: Kind) -> None:
    given = evidence(kind=kind)
    right = given.logits("real").argmax(1) == given.real.y
    assert float(right.double().mean()) > 0.5  # a tenth is chance; neighbours overlap


def test_more_noise_is_farther_from_what_it_is_upon() -> None:
    base = evidence()
    far = []
    for level in (0.1, 0.3, 1.0):
        noisy = evidence(noise=level)
        parts = (
            (to_model(noisy.samples), to_model(base.samples)),
            (noisy.reconstructions, base.originals),
            (noisy.codes, base.codes),
            (noisy.train_codes, base.train_codes),
        )
        far.append([float((a - b).square().mean()) for a, b in parts])
        assert noisy.log_likelihoods(2).mean() < base.log_likelihoods(2).mean()
        assert noisy.log_likelihood_bounds(2, 5).mean() < noisy.log_likelihoods(2).mean()
    assert all(a < b < c for a, b, c in zip(*far, strict=True))


def test_a_rotation_of_made_up_features_keeps_every_distance_exactly() -> None:
    given = evidence()
    rotated = given.rotated()
    before, after = given.features("real").double(), rotated.features("real").double()
    assert not torch.equal(before, after)
    assert torch.equal(before.square().sum(1), after.square().sum(1))
    assert torch.equal(before @ before.T, after @ after.T)
    assert torch.equal(rotated.logits("real"), given.logits("real"))


def test_another_order_moves_all_that_goes_with_an_example() -> None:
    given = evidence()
    turned = given.reordered("real")
    assert not torch.equal(turned.real.x, given.real.x)
    assert torch.equal(rulers.features(turned.real.x), turned.features("real"))
    likelihoods = [e.log_likelihoods(1)[0] for e in (given, turned)]
    assert not torch.equal(*likelihoods)
    assert torch.equal(likelihoods[0].sort().values, likelihoods[1].sort().values)
    assert torch.equal(turned.samples, given.samples)
    samples = given.reordered("samples")
    assert torch.equal(rulers.features(samples.samples), samples.features("samples"))
    assert torch.equal(samples.codes, given.codes)


def test_swapped_evidence_has_samples_for_real_data_and_back() -> None:
    given = evidence("uneven")
    swapped = given.swapped()
    assert len(given.samples) < len(given.real)
    assert torch.equal(swapped.real.x, given.samples)
    assert torch.equal(swapped.features("samples"), given.features("real"))
    assert torch.equal(swapped.logits("real"), given.logits("samples"))
    assert len(swapped.codes) == len(swapped.real) == len(given.samples)


def test_other_batches_move_what_is_computed_by_as_little_as_float32_rounds() -> None:
    given = evidence("copied")
    rounded = given.rounded()
    assert torch.equal(rounded.samples, given.samples)
    for name in ("reconstructions", "codes", "train_codes"):
        before, after = getattr(given, name), getattr(rounded, name)
        assert not torch.equal(before, after)
        torch.testing.assert_close(after, before, rtol=1e-5, atol=0)
    # A copy and its original were not extracted in one batch.
    assert not torch.equal(rounded.features("samples"), rounded.features("train")[:128])


def test_a_slower_machine_takes_longer_for_everything() -> None:
    given = evidence()
    slower = given.slower()
    for name in ("sampling_seconds", "sampling_latency_seconds"):
        assert getattr(slower, name) > getattr(given, name)
    assert slower.sampling_flops == given.sampling_flops
    assert slower.history.train_seconds > given.history.train_seconds
    assert slower.history.peak_memory_bytes > given.history.peak_memory_bytes
    pairs = list(zip(given.history.curve, slower.history.curve, strict=True))
    assert pairs
    for before, after in pairs:
        assert after.seconds > before.seconds
        assert after._replace(seconds=before.seconds) == before
