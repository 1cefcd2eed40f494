"""Made-up evidence of a made-up model, good or bad by construction."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Generator, Tensor

from genbench.contract import DataSpec, Need
from genbench.data import to_model, to_rest
from genbench.dequantise import dequantised
from genbench.streams import generator
from genbench.testing import rulers, worlds
from genbench.testing.evidence import GivenEvidence
from genbench.testing.parts import Part

LATENT = 4
DRAWS = 8
"""Of the noise that data is dequantised with."""

Kind = Literal["image", "points"]
SHAPES: dict[Kind, tuple[int, ...]] = {"image": (1, 16, 16), "points": (2,)}
"""Images are large enough for the windows that metrics of structure look through."""

Quality = Literal["good", "noise", "collapsed", "copied", "identical", "uneven"]
"""What a model made of the data: what a perfect one would; noise; one real example again and
again; the training examples themselves; the real examples themselves, with exact reconstructions;
fewer samples, of some classes only and with some noise upon them."""

UNEVEN_NOISE = 0.2


def made_up(
    needs: tuple[Need, ...],
    quality: Quality = "good",
    kind: Kind = "image",
    *,
    noise: float = 0.0,
    n: int = 4,
    draw: int = 0,
) -> GivenEvidence:
    """Evidence of a made-up model on made-up data: 256 training and 128 test examples.

    Args:
        needs: what it offers.
        quality: of the model.
        kind: of the data.
        noise: standard deviation of what is added to samples and reconstructions, in the unit that
            a model sees, and to codes, in their own standard deviation. A likelihood is that of a
            density which is wider by so much.
        n: how many times 64 and 32 examples there are.
        draw: which one of many sets of good samples.
    """
    given = dict(_given(quality, kind, noise, n, draw, "labels" in needs))
    shape = SHAPES[kind]
    title = f"samples that are {quality}" if quality != "noise" else "samples of noise"
    return GivenEvidence(
        data=DataSpec(
            "made-up",
            kind,
            shape,
            len(given["train"]),
            worlds.CLASSES if "labels" in needs else 0,
            256 if kind == "image" else None,
        ),
        needs=needs,
        # Of its own: a metric that writes on it must not write on all that comes after.
        given={part: tensor.clone() for part, tensor in given.items()},
        title=f"{title} with noise of {noise:g}" if noise else title,
        given_manifold=rulers.manifold(kind, shape),
    )


@functools.lru_cache(maxsize=64)
def _given(
    quality: Quality, kind: Kind, noise: float, n: int, draw: int, labelled: bool
) -> Mapping[Part, Tensor]:
    shape = SHAPES[kind]
    splits = worlds.splits(shape, n=n)
    (real, y), (train, train_y) = splits.test, splits.train
    assert y is not None
    assert train_y is not None
    originals, train_originals = to_model(real), to_model(train)
    drawn = _like(originals, "noise")
    noisy = drawn.clamp(-1, 1) if kind == "image" else 3 * drawn
    # Of the same distribution as the real ones, and none of them.
    fresh = to_model(worlds.splits(shape, n=n, draw=1 + draw).test.x)
    mapping = torch.randn(originals[0].numel(), LATENT, generator=_rng("encoder"))
    codes, train_codes = originals.flatten(1) @ mapping, train_originals.flatten(1) @ mapping
    samples = {
        "good": fresh,
        "noise": noisy,
        "collapsed": originals[:1].expand_as(originals),
        "copied": train_originals[: len(real)],
        "identical": originals,
        "uneven": fresh[y < worlds.CLASSES * 0.7],
    }[quality]
    reconstructions, train_reconstructions = originals + 0.05 * drawn, train_originals + 1 / 255
    if quality == "identical":
        reconstructions, train_reconstructions = originals, train_originals
    elif quality == "noise":
        reconstructions, train_reconstructions = noisy, _like(train_originals, "train")
        codes, train_codes = _like(codes, "codes"), _like(train_codes, "train codes")
    elif quality == "collapsed":
        reconstructions = originals.mean(0, keepdim=True).expand_as(originals)
        train_reconstructions = originals.mean(0, keepdim=True).expand_as(train_originals)
        codes, train_codes = (x[:1].expand_as(x) for x in (codes, train_codes))
    more = UNEVEN_NOISE if quality == "uneven" else noise
    if more:
        scale = train_codes.std(0)
        samples = samples + more * _like(samples, "samples")
        reconstructions = reconstructions + noise * _like(originals, "reconstructions")
        train_reconstructions = train_reconstructions + noise * _like(train_originals, "train")
        codes = codes + noise * scale * _like(codes, "codes")
        train_codes = train_codes + noise * scale * _like(train_codes, "train codes")
    if kind == "image":
        samples = to_rest(samples)
        reconstructions = reconstructions.clamp(-1, 1)
        train_reconstructions = train_reconstructions.clamp(-1, 1)
    likelihoods = _log_likelihoods(quality, kind, originals, train_originals, noise)
    centres = rulers.classifier(train, train_y)
    given: dict[Part, Tensor] = {
        "real": real,
        "real_features": rulers.features(real),
        "real_logits": rulers.logits(real, centres),
        "reconstructions": reconstructions,
        "codes": codes,
        "log_likelihoods": likelihoods,
        "log_likelihood_bounds": likelihoods - 1,
        "train": train,
        "train_features": rulers.features(train),
        "train_logits": rulers.logits(train, centres),
        "train_reconstructions": train_reconstructions,
        "train_codes": train_codes,
        "samples": samples,
        "sample_features": rulers.features(samples),
        "sample_logits": rulers.logits(samples, centres),
    }
    return given | ({"real_labels": y, "train_labels": train_y} if labelled else {})


def _log_likelihoods(
    quality: Quality, kind: Kind, originals: Tensor, train: Tensor, noise: float
) -> Tensor:
    """Under a normal density of independent numbers, fitted to the training examples.

    One that collapsed has a hundredth of their variance, around a single example; that of noise is
    the standard normal.
    """
    seen = train.flatten(1).double()
    mean, variance = seen.mean(0), seen.var(0) + 1e-3
    if quality == "collapsed":
        mean, variance = seen[0], variance / 100
    elif quality == "noise":
        mean, variance = torch.zeros_like(mean), torch.ones_like(mean)
    variance = variance + noise**2
    levels = 256 if kind == "image" else None
    rows: list[Tensor] = []
    for _ in range(1 if levels is None else DRAWS):
        x = dequantised(originals, levels, _rng(f"draw {len(rows)}")).flatten(1).double()
        terms = (x - mean).square() / variance + (2 * math.pi * variance).log()  # (N, D)
        rows.append(-terms.sum(1) / 2)
    return torch.stack(rows)


def _like(x: Tensor, name: str) -> Tensor:
    return torch.randn(x.shape, generator=_rng(name))


def _rng(name: str) -> Generator:
    return generator(0, f"made-up/{name}")
