"""Random damage to checkpoints: each is refused by name, and none is read as other weights.

    python tests/reliability/checkpoint_mutations.py --mutations 5000

Of a finished run the final weights are damaged and read as `genbench.load` reads them; of one that
was cut short its checkpoint of training, which is passed over for the one before it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from run_world import tiny_run

import genbench
from genbench import checkpoint
from genbench.checkpoint import TrainingCheckpoints
from genbench.errors import StoreError
from genbench.hookspecs import hookimpl


class Stop:
    """Ctrl-C in the middle of training."""

    @hookimpl
    def evaluated(self) -> None:
        """Once it has been measured."""
        os.kill(os.getpid(), signal.SIGINT)


def mutated(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """A kind of damage, and the content after it."""
    kind = rng.choice(["flip", "overwrite", "cut", "insert", "delete", "zero tail", "swap"])
    data = bytearray(content)
    at, length = rng.randrange(len(data)), rng.randint(1, 64)
    if kind == "flip":
        data[at] ^= 1 << rng.randrange(8)
    elif kind == "overwrite":
        data[at : at + length] = rng.randbytes(len(data[at : at + length]))
    elif kind == "cut":
        del data[at:]
    elif kind == "insert":
        data[at:at] = rng.randbytes(length)
    elif kind == "delete":
        del data[at : at + length]
    elif kind == "zero tail":
        data[at:] = bytes(len(data) - at)
    else:
        other = rng.randrange(len(data))
        data[at], data[other] = data[other], data[at]
    return kind, bytes(data)


def main() -> None:
    """Run the experiment and print its figures as JSON; exit status 1 if anything is amiss."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mutations", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    torch.set_num_threads(1)
    figures: Counter[str] = Counter()
    amiss: list[Any] = []
    with tempfile.TemporaryDirectory() as scratch:
        whole = tiny_run(Path(scratch))
        with contextlib.suppress(KeyboardInterrupt):
            tiny_run(Path(scratch), 1, listeners=[Stop()])
        (cut,) = Path(scratch).glob("runs/toy-ae-*-s1-*")
        final = whole.folder / "checkpoint.safetensors"
        sha256 = json.loads((whole.folder / "run.json").read_text())["checkpoint_sha256"]
        (training,) = cut.glob("training-*.safetensors")
        goods = {final: final.read_bytes(), training: training.read_bytes()}
        _, number, content_hash = training.stem.split("-")
        newer = training.with_name(f"training-{int(number) + 1:06d}-{content_hash}.safetensors")
        before = TrainingCheckpoints(cut).latest()
        assert before is not None
        for _ in range(arguments.mutations):
            path = rng.choice([final, training])
            kind, data = mutated(goods[path], rng)
            if data == goods[path]:
                continue
            figures[kind] += 1
            try:
                if path == final:
                    path.write_bytes(data)
                    refused = ""
                    try:
                        genbench.load(whole.folder)
                    except StoreError as error:
                        refused = str(error)
                    path.write_bytes(goods[path])
                    if str(path) not in refused:
                        amiss.append((kind, "final", refused or "read as if nothing were wrong"))
                else:
                    newer.write_bytes(data)
                    with contextlib.redirect_stdout(io.StringIO()) as log:
                        found = TrainingCheckpoints(cut).latest()
                    newer.unlink()
                    if str(newer) not in log.getvalue():
                        amiss.append((kind, "training", "not named in the log"))
                    same = found is not None and all(
                        torch.equal(found.tensors[name], tensor)
                        for name, tensor in before.tensors.items()
                    )
                    if not same or found is None or found.plain != before.plain:
                        amiss.append((kind, "training", "another state"))
            except Exception as error:
                amiss.append((kind, path.name, repr(error)))
        assert checkpoint.load(final, sha256).tensors, "the whole one is still read"
    for case in amiss[:20]:
        print("amiss:", case, file=sys.stderr)
    total = sum(figures.values())
    print(json.dumps({"mutations": total, **figures, "amiss": len(amiss)}))
    raise SystemExit(bool(amiss))


if __name__ == "__main__":
    main()
