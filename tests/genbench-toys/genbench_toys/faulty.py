"""A model with one fault at a time, planted by an option."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Mapping
from typing import Literal

import numpy
import torch
from torch import Generator, Tensor

from genbench.contract import Batch, DataSpec, Step
from genbench_toys.autoencoder import Autoencoder

Fault = Literal[
    "none",
    "refuses-shape",
    "raises-in-constructor",
    "raises-in-step",
    "raises-in-sample",
    "unknown-optimizer",
    "loss-without-gradient",
    "loss-is-a-float",
    "diverges",
    "out-of-memory",
    "sample-shape",
    "sample-dtype",
    "sample-nan",
    "sample-too-bright",
    "sample-from-global-stream",
    "exits",
    "exits-late",
    "crashes",
    "hangs",
    "hangs-in-c",
    "hangs-in-sample",
    "eats-memory",
    "leaves-a-child",
    "reseeds",
    "reconstruction-shape",
    "reconstruction-nan",
    "prints-megabytes",
    "reads-stdin",
    "forks-and-hangs",
    "changes-directory",
    "changes-dtype",
    "closes-stdout",
    "is-killed",
    "interrupts",
    "prints",
]


class Faulty(Autoencoder):
    """As good as its fault is none."""

    def __init__(self, data: DataSpec, *, fault: Fault = "none") -> None:
        if fault == "refuses-shape":
            raise ValueError(f"takes shapes of 64x64 and up, not {data.shape}")
        if fault == "raises-in-constructor":
            raise KeyError("a plugin's own bug")
        super().__init__(data)
        self.fault = fault
        self.shape = data.shape

    def train_step(self, batch: Batch, step: Step) -> Mapping[str, Tensor]:
        if self.fault == "raises-in-step":
            raise RuntimeError("the sky fell [bold]hard[/bold]")
        if self.fault == "unknown-optimizer":
            step(autoencodr=self.encoder(batch.x).mean())
        if self.fault == "loss-without-gradient":
            step(autoencoder=torch.zeros(()))
        if self.fault == "out-of-memory":
            raise torch.OutOfMemoryError("tried to allocate 999 GiB")
        if self.fault == "exits":
            os._exit(3)
        if self.fault == "exits-late" and step.progress > 0.6:
            os._exit(3)
        if self.fault == "crashes":
            print("last words")
            ctypes.string_at(0)
        if self.fault == "hangs":
            time.sleep(3600)
        if self.fault == "hangs-in-c":
            ctypes.PyDLL(None).sleep(3600)  # with the interpreter's lock held
        if self.fault == "eats-memory":
            eaten = []
            while True:
                eaten.append(torch.empty(2**30, dtype=torch.uint8))
        if self.fault == "leaves-a-child" and step.index == 0:
            multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,)).start()
        if self.fault == "reseeds":
            torch.manual_seed(0)
            numpy.random.seed(0)
            random.seed(0)
        if self.fault == "prints-megabytes" and step.index == 0:
            print("first words")
            for _ in range(30):
                print("x" * 2**20)
            print("last words")
        if self.fault == "forks-and-hangs":
            multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,)).start()
            time.sleep(3600)
        if self.fault == "changes-directory":
            os.chdir("/")
        if self.fault == "changes-dtype":
            torch.set_default_dtype(torch.float64)
        if self.fault == "closes-stdout":
            sys.stdout.close()
        if self.fault == "reads-stdin":
            input()
        if self.fault == "is-killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "interrupts":
            raise KeyboardInterrupt
        if self.fault == "prints":
            print("hello from the plugin")
        losses = dict(super().train_step(batch, step))
        if self.fault == "loss-is-a-float":
            return {"reconstruction": 0.5}  # type: ignore[dict-item]
        if self.fault == "diverges" and step.progress > 0.6:
            losses["reconstruction"] = losses["reconstruction"] / 0
        return losses

    def sample(self, n: int, rng: Generator) -> Tensor:
        x = super().sample(n, rng)
        if self.fault == "raises-in-sample":
            raise RuntimeError("no samples today")
        if self.fault == "hangs-in-sample":
            time.sleep(3600)
        if self.fault == "sample-shape":
            return x.flatten(1)
        if self.fault == "sample-dtype":
            return x.double()
        if self.fault == "sample-nan":
            x[0, 0] = torch.nan
        if self.fault == "sample-too-bright":
            return torch.ones_like(x) * 3
        if self.fault == "sample-from-global-stream":
            return torch.rand(n, *self.shape)
        return x

    def reconstruct(self, x: Tensor) -> Tensor:
        y = super().reconstruct(x)
        if self.fault == "reconstruction-shape":
            return y[1:]
        return y * torch.nan if self.fault == "reconstruction-nan" else y
