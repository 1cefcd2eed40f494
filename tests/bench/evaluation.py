"""One evaluation of 10,000 images in a process of its own, by torch-fidelity or by genbench.

``python evaluation.py fidelity|genbench MODEL`` prints JSON: scores, seconds from images in memory
to scores, and the peak of the process's resident memory. MODEL is a seed: another one is another
model on the same data. genbench's cache is the folder that ``GENBENCH_CACHE`` names.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGES, SIZE, CLASSES = 10_000, 32, 10
BATCH = 500
SUBSET = 1000
"""Images in a subset of KID: torch-fidelity's default, which a protocol of genbench may change."""


class SmallConv:
    """A small convolutional network with fixed weights: 64 features and 10 classes."""

    fingerprint = "the network of this benchmark"

    def __init__(self) -> None:
        rng = torch.Generator().manual_seed(0)
        self.body = nn.Sequential(
            *(nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU()),
            *(nn.Conv2d(64, 64, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 64), nn.ReLU()),
        )
        self.head = nn.Linear(64, CLASSES)
        for part in (self.body, self.head):
            for weight in part.requires_grad_(False).parameters():
                size = weight[0].numel() if weight.ndim > 1 else 100
                weight.copy_(torch.randn(weight.shape, generator=rng) * (2 / size) ** 0.5)

    def to(self, device: torch.device) -> SmallConv:
        return self

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        features: Tensor = self.body(x.float() / 127.5 - 1)
        return features

    @torch.no_grad()
    def logits(self, features: Tensor) -> Tensor:
        logits: Tensor = self.head(features) * 10
        return logits


def images(seed: int) -> Tensor:
    """uint8 (10,000, 3, 32, 32): smooth, as photographs are, and of another contrast each seed."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.randn(IMAGES, 3, 4, 4, generator=rng) * (40 + 5 * seed)
    parts = [F.interpolate(part, (SIZE, SIZE), mode="bilinear") for part in coarse.split(BATCH)]
    return torch.cat([(part + 128).clamp(0, 255).to(torch.uint8) for part in parts])


def by_fidelity(real: Tensor, samples: Tensor) -> Callable[[], dict[str, float]]:
    """What is timed, and nothing is cached on disk: it would be by a name."""
    from torch.utils.data import Dataset
    from torch_fidelity import calculate_metrics, register_feature_extractor
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase

    class Registered(FeatureExtractorBase):
        def __init__(self, name: str, features_list: list[str], **_: Any) -> None:
            super().__init__(name, features_list)
            self.network = SmallConv()

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("features", "logits")

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "logits" if metric == "isc" else "features"

        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            features = self.network(x)
            given = {"features": features, "logits": self.network.logits(features)}
            return tuple(given[name] for name in self.features_list)

    class Images(Dataset[Tensor]):
        def __init__(self, x: Tensor) -> None:
            self.x = x

        def __len__(self) -> int:
            return len(self.x)

        def __getitem__(self, index: int) -> Tensor:
            return self.x[index]

    register_feature_extractor("small-conv", Registered)

    def calculate() -> dict[str, float]:
        found = calculate_metrics(
            input1=Images(samples),
            input2=Images(real),
            feature_extractor="small-conv",
            batch_size=BATCH,
            isc=True,
            fid=True,
            kid=True,
            kid_subset_size=SUBSET,
            prc=True,
            cuda=False,
            cache=False,
            save_cpu_ram=True,  # no worker processes, which cost more than they save here
            verbose=False,
        )
        return {
            "fid": found["frechet_inception_distance"],
            "kid": found["kernel_inception_distance_mean"],
            "isc": found["inception_score_mean"],
            "precision": found["precision"],
            "recall": found["recall"],
        }

    return calculate


def by_genbench(real: Tensor, samples: Tensor) -> Callable[[], dict[str, float]]:
    """What is timed: with the hashes that the cache goes by."""
    from genbench import Evaluator, environment

    # What torch imports when it is first asked to be deterministic is no part of an evaluation, as
    # imports are none of either tool.
    with environment.repeatable(torch.device("cpu"), threads=1):
        pass

    def calculate() -> dict[str, float]:
        evaluator = Evaluator(
            reference=real,
            metrics=["fid", "kid", "isc", "precision-recall"],
            extractor=f"{Path(__file__)}:SmallConv",
            options={"kid": {"subset_size": SUBSET}},
            device="cpu",
        )
        scores = evaluator(samples=samples)
        return {name: scores[name] for name in ("fid", "kid", "isc", "precision", "recall")}

    return calculate


def peak_bytes() -> int:
    """Of this process's resident memory, from its own start on: Linux keeps it by program."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


if __name__ == "__main__":
    torch.set_num_threads(1)
    tool, model = sys.argv[1], int(sys.argv[2])
    calculate = {"fidelity": by_fidelity, "genbench": by_genbench}[tool](images(0), images(model))
    started = time.perf_counter()
    scores = calculate()
    seconds = time.perf_counter() - started
    print(json.dumps({"scores": scores, "seconds": seconds, "peak_bytes": peak_bytes()}))
