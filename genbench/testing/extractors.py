"""Checks for feature extractors: the same example gives the same features, and says by what."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from genbench.errors import GenbenchError
from genbench.testing import fresh, nudge
from genbench.testing.extractor_subject import SHAPES, ExtractorSubject
from genbench.testing.finding import DoesNotApplyError, Finding
from genbench.testing.models import farthest, same_bits, some
from genbench.testing.nudge import networks, nudged_files, tensors_of
from genbench.testing.subject import PluginRaisedError, disturbances
from genbench.testing.suite import Found, check

TOLERANCE = 1e-4
"""Of the largest feature: what the size of a batch may change in float32 arithmetic."""

SUBJECT = ExtractorSubject


@check()
def options(subject: ExtractorSubject) -> Found:
    """Options stand after a '*', have types that text is read as and defaults that a row holds."""
    yield from subject.listed_options()


@check("options")
def features(subject: ExtractorSubject) -> Found:
    """extractor(x) gives float32 (N, D), finite, of x at rest; ValueError for other shapes."""
    try:
        taken = subject.examples
    except PluginRaisedError as raised:
        if isinstance(raised.error, GenbenchError):
            yield Finding(f"It could not be made ready: {raised.error}")
            return
        raise
    if not taken:
        yield Finding(
            "It takes none of the data that is tried: images of "
            f"{', '.join('x'.join(map(str, shape)) for shape in SHAPES[:-1])}, and points.",
            "It takes uint8 (N, C, H, W), or float32 (N, D) for points.",
        )
        return
    dimensions = []
    for size, x in taken.items():
        for n in (len(x), 1):
            given = subject.features(subject.extractor, x[:n])
            wrong = _wrong(given, n)
            if wrong:
                yield Finding(f"For {n} examples of {size} {wrong} came.", "Give float32 (N, D).")
                return
        dimensions.append(f"{given.shape[1]} of {size}")
    yield ", ".join(dimensions)


def _wrong(given: Any, n: int) -> str:
    if not isinstance(given, Tensor):
        return type(given).__name__
    if given.dtype != torch.float32 or given.ndim != 2 or len(given) != n:
        return f"{str(given.dtype).removeprefix('torch.')} {tuple(given.shape)}"
    return "" if bool(given.isfinite().all()) else "features that are NaN or infinite"


@check("features")
def determinism(subject: ExtractorSubject) -> Found:
    """The same examples have the same features: in every call, of every instance."""
    given = [subject.features(subject.extractor, subject.x, seed) for seed in (0, 1)]
    if not same_bits(*given):
        yield Finding(
            f"Two calls on the same examples gave features up to {farthest(*given):.3g} apart.",
            "eval() turns dropout off; draw nothing.",
        )
        return
    other = subject.features(subject.make(seed=1), subject.x)
    if not same_bits(given[0], other):
        yield Finding(
            f"Another instance gave features up to {farthest(given[0], other):.3g} away.",
            "Weights are loaded, or drawn from a generator of its own with a fixed seed.",
        )


@check("determinism")
def independence(subject: ExtractorSubject) -> Found:
    """An example's features are the same alone and in any batch, to 0.0001 of their size."""
    x = subject.x
    together = subject.features(subject.extractor, x)
    alone = torch.cat([subject.features(subject.extractor, one) for one in x.split(1)])
    gap = farthest(together, alone)
    if gap > TOLERANCE * max(1.0, float(together.abs().max())):
        yield Finding(
            f"Features of an example alone and in a batch of {len(x)} are up to {gap:.3g} apart.",
            "eval() makes batch norm use its running statistics; scale by constants, not by the "
            "batch.",
        )


@check("determinism", "independence")
def logits(subject: ExtractorSubject) -> Found:
    """logits(features), if it has any, gives float32 (N, classes), finite, each row by itself."""
    if getattr(subject.extractor, "logits", None) is None:
        raise DoesNotApplyError("it is no classifier: it has no logits")
    classes = set()
    for size, x in subject.examples.items():
        features = subject.features(subject.extractor, x)
        together = subject.logits(subject.extractor, features)
        rows = [subject.logits(subject.extractor, row.clone()) for row in features.split(1)]
        for n, given in ((len(x), together), *((1, row) for row in rows)):
            wrong = _wrong(given, n)
            if wrong:
                yield Finding(
                    f"Of features of {n} examples of {size} {wrong} came.",
                    "Give float32 (N, classes), before the softmax.",
                )
                return
            classes.add(given.shape[1])
        if len(classes) > 1:
            counts = " and ".join(map(str, sorted(classes)))
            yield Finding(
                f"It named {counts} classes.", "Classes are the same ones for all examples."
            )
            return
        finding = _unlike(subject, features, together, torch.cat(rows))
        if finding is not None:
            yield finding
            return
    yield f"{classes.pop()} classes"


def _unlike(
    subject: ExtractorSubject, features: Tensor, together: Tensor, alone: Tensor
) -> Finding | None:
    """What is wrong where logits are not those of each row of features by itself."""
    again = subject.logits(subject.extractor, features, seed=1)
    other = subject.logits(subject.make(seed=1), features)
    apart = max(farthest(together, again), farthest(together, other))
    if apart > 0:
        return Finding(
            f"Of the same features two calls gave logits up to {apart:.3g} apart.",
            "They are of the features and fixed weights alone: draw nothing.",
        )
    gap = farthest(together, alone)
    if gap > TOLERANCE * max(1.0, float(together.abs().max())):
        return Finding(
            f"Logits of an example alone and among {len(features)} are up to {gap:.3g} apart.",
            "Give class scores before any normalisation over the batch.",
        )
    return None


@check("features", knowing=("logits",))
def inputs(subject: ExtractorSubject) -> Found:
    """The examples, which are the data set itself, and the features of all stay as they are."""
    mend = "Work on a copy: operations in place end in _."
    if subject.changed_input:
        yield Finding("It changed its x in place.", mend)
    if subject.changed_features:
        yield Finding("logits(features) changed the features in place.", mend)


@check("determinism", "independence")
def evaluation(subject: ExtractorSubject) -> Found:
    """Networks inside are in eval(): batch norm and dropout do not learn or draw."""
    training = [
        f"self.{name}" if name else "the extractor"
        for name, network in networks(subject.extractor)
        if any(part.training for part in network.modules())
    ]
    if training:
        yield Finding(f"{some(training)} is in train().", "Call .eval() in the constructor.")


@check("features")
def fingerprint(subject: ExtractorSubject) -> Found:
    """The fingerprint is a text, the same in every instance, on the device and in a new process."""
    own = _read(subject, subject.extractor)
    if not isinstance(own, str) or not own:
        yield Finding(f"It is {own!r}.", "It is a text: a hash of weights and preprocessing.")
        return
    again = _read(subject, subject.make(seed=1))
    if again != own:
        yield Finding(f"It was {own}, and of another instance {again}.", _STABLE)
        return
    there = fresh.call(subject, _of_fresh)
    if there != own:
        yield Finding(f"It was {own}, and in a fresh process {there}.", _STABLE)
        return
    yield own[:16]


_STABLE = "Hash the bytes of the weights with hashlib: no id(), no hash(), no time, no path."


def _of_fresh(subject: ExtractorSubject) -> str:
    return str(_read(subject, subject.make()))


def _read(subject: ExtractorSubject, extractor: Any) -> Any:
    with subject.calling("fingerprint"):
        return extractor.fingerprint


def _taken(subject: ExtractorSubject, extractor: Any) -> Tensor:
    """Features with what logits there are beside them."""
    features = subject.features(extractor, subject.x)
    if getattr(extractor, "logits", None) is None:
        return features
    return torch.cat([features, subject.logits(extractor, features)], 1)


@check("fingerprint", "logits")
def weights(subject: ExtractorSubject) -> Found:
    """Other weights have another fingerprint: equal fingerprints promise equal features."""
    extractor = subject.make()
    own, before = _read(subject, extractor), _taken(subject, extractor)
    tensors = list(tensors_of(extractor))
    if not tensors:
        raise DoesNotApplyError("it has no weights")
    # First where the weights lie now; then where they are read from, which is what a fingerprint
    # that is taken once, in the constructor, can know of.
    with torch.no_grad():
        for tensor in tensors:
            tensor.add_(nudge.NUDGE)
    if same_bits(_taken(subject, extractor), before):
        yield "its tensors do not decide its features"
        return
    if _read(subject, extractor) != own:
        return
    with nudged_files() as opened:
        other = subject.make()
        moved = not same_bits(_taken(subject, other), before)
    if opened and moved:
        yield "not tried: it opens a file by itself, whose bytes the fingerprint may be of"
    elif not moved or _read(subject, other) == own:
        yield Finding(
            f"With other weights, and so with other features or logits, it was still {own[:16]}.",
            "Hash the content of the weights into it: with other weights scores are others, and "
            "must not be compared.",
        )


@check("options", knowing=("features",))
def surroundings_(subject: ExtractorSubject) -> Found:
    """The process is left as it was: default dtype, threads, flags, warnings, folder."""
    if "features" not in subject.failed:
        subject.features(subject.extractor, subject.x)
    yield from disturbances(subject)


CHECKS = (
    options,
    features,
    determinism,
    independence,
    logits,
    inputs,
    evaluation,
    fingerprint,
    weights,
    surroundings_,
)
