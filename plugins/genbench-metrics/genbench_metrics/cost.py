"""What a model took: seconds, memory, parameters, throughput."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from genbench.contract import Evidence, NotApplicable, Score, has


def _of_hardware(name: str, better: Literal["lower", "higher"], unit: str) -> Score:
    return Score(
        name,
        better=better,
        unit=unit,
        hardware=True,
        range=(0, None),
        blind=("noise", "collapse", "copies"),
    )


class Cost:
    """The cost of training and sampling. All but ``parameters`` are scores of the hardware.

    ``train_seconds`` counts train steps and fits, not evaluation. ``images_per_second`` is real
    images shown, as the budget charges them, over those seconds. ``peak_memory_bytes`` is of the
    device while training, on a CPU of the whole process. ``samples_per_second`` is at the
    protocol's sampling chunk. Seconds are s, throughputs 1/s, memory is bytes.

    All are from 0. Seconds and bytes are better lower, throughputs higher; a number of parameters
    is neither.

    What a single sample costs, in operations and in latency, is `SamplingCost`'s: to know that
    takes further draws, and these numbers lie ready after every run.

    Blind to how good the model is, and to everything about the machine but its speed: energy,
    price, and how well the model would use another one.
    """

    version = "1"
    needs = ()
    invariances = ("sample-order", "real-order", "feature-rotation")
    scores = (
        _of_hardware("train_seconds", "lower", "s"),
        _of_hardware("images_per_second", "higher", "1/s"),
        Score("parameters", range=(0, None)),
        _of_hardware("peak_memory_bytes", "lower", "B"),
        _of_hardware("samples_per_second", "higher", "1/s"),
    )

    def measure(self, evidence: Evidence) -> Mapping[str, float | NotApplicable]:
        """All scores, or why one does not apply."""
        history = evidence.history
        return {
            "train_seconds": history.train_seconds,
            "images_per_second": images_per_second(evidence),
            "parameters": float(history.parameters),
            "peak_memory_bytes": float(history.peak_memory_bytes)
            or NotApplicable("peak memory was not measured here"),
            "samples_per_second": samples_per_second(evidence),
        }


def images_per_second(evidence: Evidence) -> float | NotApplicable:
    """Real images shown in a second of training."""
    history = evidence.history
    if history.train_steps == 0:
        return NotApplicable("the model is fitted at once, not shown images step by step")
    if history.train_seconds <= 0:
        return NotApplicable("training was too short for this clock")
    return history.images / history.train_seconds


def samples_per_second(evidence: Evidence) -> float | NotApplicable:
    """Samples drawn in a second."""
    if not has(evidence.model, "sample"):
        return NotApplicable("the model has no sample")
    if evidence.sampling_seconds <= 0:
        return NotApplicable("sampling was too short for this clock")
    return len(evidence.samples) / evidence.sampling_seconds
