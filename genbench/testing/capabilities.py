"""Checks of what a model's capabilities give: shapes, dtypes, ranges, NaN."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from genbench.errors import ContractError
from genbench.streams import generator
from genbench.testing.finding import DoesNotApplyError, Finding
from genbench.testing.models import ModelSubject, same_bits
from genbench.testing.suite import Found, check


@check("training", "fit")
def sample(subject: ModelSubject) -> Found:
    """sample(n, rng) gives n new examples: float32 (n, *shape), finite, images in [-1, 1]."""
    _must_offer(subject, "sample")
    model = subject.trained
    for n, chunk in ((1, 1), (5, 3)):
        try:
            clipped = subject.evidence(model, subject.main, n, chunk).clipped_fraction
        except ContractError as error:
            yield Finding(str(error), "Give just that, for every n; a chunk may be a single one.")
            return
    rng = generator(0, "sampling")
    first, second = (subject.call(model, "sample", 8, rng) for _ in range(2))
    if _shares(first, [second, *model.parameters(), *model.buffers()]):
        yield Finding(
            "What sample gives lies in the memory of the model or of what it gave before.",
            "Return a tensor of its own: what is kept of it must not change later.",
        )
    elif same_bits(first, second):
        yield Finding(
            "Two calls with one rng, which had gone on between them, gave the same samples.",
            "Draw from rng.",
        )
    yield from _in_range(subject, "sample", first)
    if clipped:
        yield f"{clipped:.1%} of the values are outside [-1, 1] and are clipped"


@check("training", "fit")
def reconstruct(subject: ModelSubject) -> Found:
    """reconstruct(x) gives float32 like x, finite, images in [-1, 1]."""
    _must_offer(subject, "reconstruct")
    yield from _of_few_and_one(subject, "reconstructions") or _in_range(
        subject, "reconstruct", subject.call(subject.trained, "reconstruct", subject.x)
    )


@check("training", "fit")
def encode(subject: ModelSubject) -> Found:
    """encode(x) gives one code for each example: float32 (N, latent), finite."""
    _must_offer(subject, "encode")
    wrong = _of_few_and_one(subject, "codes")
    yield from wrong
    if not wrong:
        code = subject.call(subject.trained, "encode", subject.x)
        yield f"codes of {code.shape[1]} numbers"


@check("training", "fit")
def log_likelihood(subject: ModelSubject) -> Found:
    """log_likelihood(x, rng) gives nats for each example: float32 (N,), finite."""
    _must_offer(subject, "log_likelihood")
    for n in (1, 8):
        found = _of_each(subject, "log_likelihood", n)
        yield from found
        if found:
            return


@check("training", "fit")
def log_likelihood_bound(subject: ModelSubject) -> Found:
    """log_likelihood_bound(x, rng, k) gives nats for each example for every k: float32 (N,)."""
    _must_offer(subject, "log_likelihood_bound")
    for n, k in ((1, 1), (8, 1), (8, 3)):
        found = _of_each(subject, "log_likelihood_bound", n, k)
        yield from found
        if found:
            return


def _of_each(subject: ModelSubject, capability: str, n: int, *k: int) -> list[Finding]:
    """Take a log likelihood, or a bound from k draws, of n examples."""
    x = subject.x[:n]
    given = subject.call(subject.trained, capability, x, generator(0, "sampling"), *k)
    call = f"{capability}({', '.join(('x', 'rng', *map(str, k)))})"
    asked = f"{call} was asked for float32 ({n},) of x {tuple(x.shape)}; "
    mend = "Sum the log density of all numbers of an example: terms.flatten(1).sum(1)."
    if k:
        mend += " The k draws are joined: terms.logsumexp(0) - math.log(k) of terms (k, N)."
    if not isinstance(given, Tensor):
        return [Finding(f"{asked}{type(given).__name__} came.", mend)]
    if given.dtype != torch.float32 or tuple(given.shape) != (n,):
        came = f"{str(given.dtype).removeprefix('torch.')} {tuple(given.shape)}"
        return [Finding(f"{asked}{came} came.", mend)]
    if not bool(given.isfinite().all()):
        wrong = int((~given.isfinite()).sum())
        return [Finding(f"{asked}{wrong} of {n} values are NaN or infinite.", "Mind log(0).")]
    return []


def _must_offer(subject: ModelSubject, capability: str) -> None:
    if not subject.offers(capability):
        raise DoesNotApplyError(f"it has no {capability}")


def _of_few_and_one(subject: ModelSubject, part: str) -> list[Finding]:
    """Take a part of the evidence of a whole split and of a single example."""
    few = subject.evidence(subject.trained, subject.main, 1, 1)
    one = subject.evidence(subject.trained, subject.main, 1, 1)
    one.originals = subject.x[:1]
    try:
        for evidence in (few, one):
            getattr(evidence, part)
    except ContractError as error:
        return [Finding(str(error), "Give just that, for every N; a batch may be of a single one.")]
    return []


def _in_range(subject: ModelSubject, capability: str, x: Tensor) -> Iterator[Finding]:
    """Images of another range than [-1, 1], as far as a model shows it that has hardly learned."""
    dark = subject.main.spec.kind == "image" and float(subject.x.median()) < 0
    if dark and float(x.min()) >= 0:
        yield Finding(
            f"No value that {capability} gave is below 0, but most of the data is.",
            "Images are in [-1, 1] in a model, with -1 for black: end in tanh, not in sigmoid or "
            "ReLU.",
        )


def _shares(x: Tensor, others: Sequence[Tensor]) -> bool:
    place = x.untyped_storage().data_ptr()
    return any(other.untyped_storage().data_ptr() == place for other in others)
