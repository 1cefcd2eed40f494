"""Peak resident memory of metrics on three sets of features, in a process of its own.

``python feature_memory.py N D METRIC…`` prints JSON: seconds and peak in bytes, and of these the
features themselves: N of samples, of real and of training examples, as soon as a metric asks for
them. METRIC is a name that is installed, or ``sweep``: one pass over all distances of samples and
real examples, which is most of what a metric of nearest neighbours costs, once.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from genbench import registry


class Given:
    """As much of an evidence as metrics of features need."""

    real, train = SimpleNamespace(name="test"), SimpleNamespace(name="train")

    def __init__(self, n: int, d: int) -> None:
        self.shape = n, d
        self.rng = torch.Generator().manual_seed(0)
        self.sets: dict[str, Tensor] = {}

    def features(self, of: str) -> Tensor:
        if of not in self.sets:
            self.sets[of] = torch.randn(self.shape, generator=self.rng)
        return self.sets[of]

    def logits(self, of: str) -> Tensor:
        return self.features(of)[:, :10]

    def statistics(
        self, name: str, of: str, compute: Callable[[Tensor], Mapping[str, Tensor]]
    ) -> Mapping[str, Tensor]:
        return compute(self.features(of))


def sweep(given: Any) -> None:
    from genbench_metrics import distances

    samples, real = given.features("samples"), given.features("real")
    radii = distances.nearest(real[:1000], real, 4)[0][:, -1].mean().expand(1, len(real))
    inside = sum(
        int(block.within(radii[:, block.columns], closed=True).sum())
        for block in distances.sweep(samples, real)
    )
    print(f"{inside} pairs within the mean radius", file=sys.stderr)


def peak_bytes() -> int:
    """Of this process, from its own start on."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


if __name__ == "__main__":
    torch.set_num_threads(1)
    n, d, *names = sys.argv[1:]
    given: Any = Given(int(n), int(d))
    started = time.perf_counter()
    for name in names:
        if name == "sweep":
            sweep(given)
        else:
            registry.load(registry.find("metric", name))().measure(given)
        print(f"{name}: {time.perf_counter() - started:.0f} s, {peak_bytes() >> 20} MiB",
              file=sys.stderr)  # fmt: skip
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - started,
                "peak_bytes": peak_bytes(),
                "feature_bytes": len(given.sets) * int(n) * int(d) * 4,
            }
        )
    )
