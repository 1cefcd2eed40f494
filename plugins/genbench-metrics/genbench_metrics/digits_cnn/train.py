"""Train the network of ``digits-cnn`` on the training split of ``digits``.

``python -m genbench_metrics.digits_cnn.train`` trains the chosen recipe, writes the weights that
the package ships and prints the test accuracy, which nothing was chosen by. ``--sweep`` prints the
table that the recipe was chosen from, on the validation split. Needs ``genbench-datasets``.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from genbench.contract import Examples, Splits
from genbench_metrics.digits_cnn import WEIGHTS, to_network
from genbench_metrics.digits_cnn.network import Network


@dataclass(frozen=True)
class Recipe:
    """All that decides what a training run ends with, but for its seed."""

    width: int = 32
    dropout: float = 0.2
    augmentation: float = 1.0
    """Strength: 1 turns by 15 degrees and moves by 0.8 pixels at most; 0 leaves images alone."""
    label_smoothing: float = 0.0
    epochs: int = 100
    batch_size: int = 64
    lr: float = 3e-3
    weight_decay: float = 1e-2


FIRST_GUESS = Recipe()

SWEEP = {
    "first guess": FIRST_GUESS,
    "no augmentation": replace(FIRST_GUESS, augmentation=0.0),
    "augmentation 0.5": replace(FIRST_GUESS, augmentation=0.5),
    "augmentation 1.5": replace(FIRST_GUESS, augmentation=1.5),
    "no dropout": replace(FIRST_GUESS, dropout=0.0),
    "dropout 0.5": replace(FIRST_GUESS, dropout=0.5),
    "width 16": replace(FIRST_GUESS, width=16),
    "label smoothing 0.1": replace(FIRST_GUESS, label_smoothing=0.1),
    "40 epochs": replace(FIRST_GUESS, epochs=40),
}

CHOSEN = SWEEP["dropout 0.5"]
"""Of the lowest cross-entropy on validation, as a mean over five seeds."""


def augment(x: Tensor, strength: float) -> Tensor:
    """Turn, stretch, shear, move and add noise to images (N, 1, 8, 8), each in its own way."""

    def uniform(limit: float) -> Tensor:
        return (torch.rand(len(x)) * 2 - 1) * limit * strength

    angle = uniform(math.radians(15))
    zoom, stretch, shear = uniform(0.12).exp(), uniform(0.08).exp(), uniform(0.15)
    move_x, move_y = uniform(0.8 / 4), uniform(0.8 / 4)  # half an image, 4 pixels, is 1
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    affine = torch.stack(
        [
            torch.stack([cos * stretch, shear - sin, move_x], 1),
            torch.stack([sin, cos / stretch, move_y], 1),
        ],
        1,
    )  # (N, 2, 3)
    moved = F.grid_sample(
        x, F.affine_grid(affine, list(x.shape), align_corners=False), align_corners=False
    )
    amplitude = torch.rand(len(x), 1, 1, 1) * 0.06 * strength
    return moved + torch.randn_like(moved) * amplitude


def train(recipe: Recipe, data: Examples, seed: int = 0) -> Network:
    """Train on ``data`` and scale the features; the same numbers for the same recipe and seed.

    AdamW (Loshchilov & Hutter, 2019) with a linear warm-up and a cosine decay of the rate.
    """
    assert data.y is not None
    torch.manual_seed(seed)
    network = Network(recipe.width, recipe.dropout).train()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay
    )
    x, y = to_network(data.x), data.y
    batches = len(x) // recipe.batch_size
    steps, warm_up = recipe.epochs * batches, 50
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda i: min(1, (i + 1) / warm_up) * (0.5 + 0.5 * math.cos(math.pi * i / steps)),
    )
    for _ in range(recipe.epochs):
        order = torch.randperm(len(x))[: batches * recipe.batch_size]
        for chosen in order.split(recipe.batch_size):
            logits = network(augment(x[chosen], recipe.augmentation))
            loss = F.cross_entropy(logits, y[chosen], label_smoothing=recipe.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()

    network.eval()
    with torch.no_grad():
        network.scale /= network.features(x).square().mean().sqrt()
    return network


@torch.no_grad()
def judge(network: Network, data: Examples) -> tuple[float, float]:
    """The accuracy and the cross-entropy, in nats, on ``data``."""
    assert data.y is not None
    logits = network(to_network(data.x))
    accuracy = (logits.argmax(1) == data.y).float().mean().item()
    return accuracy, F.cross_entropy(logits, data.y).item()


def sweep(splits: Splits, seeds: int = 5) -> None:
    """Print what each recipe reaches on the validation split, as a mean over seeds."""
    for name, recipe in SWEEP.items():
        networks = [train(recipe, splits.train, seed) for seed in range(seeds)]
        judged = torch.tensor([judge(network, splits.validation) for network in networks])
        accuracy, nats = judged.mean(0).tolist()
        spread = judged[:, 1].std().item()
        print(f"{name:20} accuracy {accuracy:.4f}  nats {nats:.4f} +- {spread:.4f}", flush=True)


def main() -> None:
    """Read the arguments and train or sweep."""
    from genbench_datasets.digits import Digits

    parser = argparse.ArgumentParser(description="Train the network of digits-cnn.")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the weights go")
    parser.add_argument("--sweep", action="store_true", help="compare recipes on validation")
    arguments = parser.parse_args()

    torch.set_num_threads(1)  # sums in another order would be other weights
    splits = Digits().load()
    if arguments.sweep:
        sweep(splits)
        return
    network = train(CHOSEN, splits.train)
    save_file(network.state_dict(), arguments.out)
    for name in ("validation", "test"):
        accuracy, nats = judge(network, getattr(splits, name))
        print(f"{name}: accuracy {accuracy:.4f}, {nats:.4f} nats")


if __name__ == "__main__":
    main()
