"""What a single sample costs: operations, and the time that it takes alone."""

from __future__ import annotations

from collections.abc import Mapping

from genbench.contract import Evidence, NotApplicable, Score
from genbench.errors import NotApplicableError


class SamplingCost:
    """Floating-point operations of a sample, and its latency; `Cost` has the throughput.

    - ``flops_per_sample``: operations of ``sample`` in the protocol's chunks, per sample, as
      torch's own ``FlopCounterMode`` counts them: matrix products, convolutions and attention, a
      multiplication and an addition for two. The same on every machine. Unit FLOP. Not applicable
      where a sample takes operations that torch runs as one call and cannot count the inside of:
      recurrent layers and Fourier transforms;
    - ``sampling_latency_seconds``: the median time of ``sample(1, rng)``, which depends on the
      machine.

    Both better lower, from 0. They are no scores of `Cost`, whose numbers lie ready after every
    run: these draw once more, under a counter that takes torch a second to load, and so are for
    who asks.

    Blind to operations that torch does not count, such as activations, sums, sorting and drawing
    random numbers: a model that only looks samples up has 0. Blind to how good the samples are.
    """

    version = "2"
    needs = ("sample",)
    invariances = ("sample-order", "real-order", "feature-rotation")
    scores = (
        Score(
            "flops_per_sample",
            better="lower",
            unit="FLOP",
            range=(0, None),
            blind=("noise", "collapse", "copies"),
        ),
        Score(
            "sampling_latency_seconds",
            better="lower",
            unit="s",
            hardware=True,
            range=(0, None),
            blind=("noise", "collapse", "copies"),
        ),
    )

    def measure(self, evidence: Evidence) -> Mapping[str, float | NotApplicable]:
        """Both scores, or why one does not apply."""
        latency = evidence.sampling_latency_seconds
        flops: float | NotApplicable
        try:
            flops = evidence.sampling_flops
        except NotApplicableError as error:  # the latency is known all the same
            flops = NotApplicable(str(error))
        return {
            "flops_per_sample": flops,
            "sampling_latency_seconds": (
                latency
                if latency > 0
                else NotApplicable("a single sample was too quick for this clock")
            ),
        }
