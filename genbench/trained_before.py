"""Final weights that are there already: of an earlier try of a run, or of one with its training."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genbench import checkpoint, weights
from genbench.checkpoint import Content, TrainingCheckpoints
from genbench.contract import Weights
from genbench.errors import StoreError
from genbench.folder import RunFolder
from genbench.run_state import RunState, shorten


@dataclass(frozen=True)
class Trained:
    """What training had come to, wherever it was."""

    state: RunState
    content: Content
    kinds: Sequence[Weights]

    @property
    def weights(self) -> dict[Weights, Any]:
        """The final states, each kind by its name."""
        return {kind: weights.of_kind(self.content.tensors, kind) for kind in self.kinds}


def by_itself(
    folder: RunFolder,
    record: Mapping[str, Any],
    why_not: Callable[[RunState], str | None],
    log: Callable[[str], None],
) -> Trained | None:
    """What an earlier try of this very run left, its curve as it was then; None: nothing.

    Args:
        folder: of the run.
        record: what its ``run.json`` says.
        why_not: why a state is not one to go on from; None: it is.
        log: told what is worth knowing.
    """
    trained = _read(folder, record, log)
    if trained is None:
        return None
    reason = why_not(trained.state)
    if reason is not None:
        log(reason)
        return None
    shorten(folder.curve, trained.state.curve_bytes)
    TrainingCheckpoints(folder.path).clear()
    log("It was trained before; it goes on with the final evaluation.")
    return trained


def by_another(
    source: RunFolder, folder: RunFolder, made: Mapping[str, Any], log: Callable[[str], None]
) -> Trained | None:
    """What another run left that trained exactly this, and a copy of its curve; None: nothing.

    Only of one that did so on such a machine: elsewhere its seconds and bytes, which are scores
    too, would have been others.

    Args:
        source: of the run that has the weights.
        folder: of the run that they are for.
        made: where that is made, and from what data, as in `RunState`.
        log: told what is worth knowing.
    """
    try:
        record = source.read() or {}
    except StoreError:
        return None  # whoever asks for that run is told
    trained = _read(source, record, log)
    if trained is None or trained.state.why_not_here(made) is not None:
        return None
    with contextlib.suppress(FileNotFoundError):
        shutil.copy2(source.curve, folder.curve)
        shorten(folder.curve, trained.state.curve_bytes)
    return trained


def _read(
    folder: RunFolder, record: Mapping[str, Any], log: Callable[[str], None]
) -> Trained | None:
    if "checkpoint_sha256" not in record:
        return None  # it was begun anew meanwhile
    try:
        content = checkpoint.load(folder.checkpoint, record["checkpoint_sha256"])
    except StoreError as error:
        log(f"{error} So it is trained once more.")
        return None
    try:
        return Trained(RunState.of(content), content, record["weights"])
    except StoreError as error:
        log(str(error))
        return None
