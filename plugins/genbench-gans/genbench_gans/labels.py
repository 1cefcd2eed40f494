"""What conditional models need of labels: their number, their draws, their embeddings' sizes."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from genbench.contract import DataSpec

LABEL_DIM = 16
"""Numbers in the embedding of a label that a generator sees beside z."""


def classes(model: str, data: DataSpec, conditional: bool) -> int:
    """How many classes a model tells apart: 0 where it is not conditional.

    Raises:
        ValueError: conditional, and the data has no labels.
    """
    if conditional and data.classes == 0:
        raise ValueError(
            f"{model} with conditional=true needs labels; {data.name} with {data.kind} of shape "
            f"{data.shape} has none"
        )
    return data.classes if conditional else 0


def given_or_drawn(
    model: str, y: Tensor | None, n: int, classes: int, rng: Generator
) -> Tensor | None:
    """The labels (n,) that ``sample`` is for: those it was given, or uniform draws from rng.

    None where the model is not conditional.

    Raises:
        ValueError: labels that do not fit, or for a model that takes none.
    """
    if y is None:
        return torch.randint(classes, (n,), generator=rng, device=rng.device) if classes else None
    if not classes:
        raise ValueError(f"{model} samples no given classes unless it has conditional=true")
    if y.shape != (n,):
        raise ValueError(f"{model} was asked for {n} samples of classes of shape {tuple(y.shape)}")
    return y.to(rng.device)
