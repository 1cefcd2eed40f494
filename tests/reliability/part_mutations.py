"""Random damage to parts and to the manifest: is a changed byte ever read as a row?

    python tests/reliability/part_mutations.py --mutations 5000

Every mutation hits one file of a sound leaderboard. Reading it must raise a ``StoreError`` that
names the file, and with ``skipped`` leave out that file and nothing else. What Parquet alone would
have made of the same bytes, without page checksums and with them, is counted beside it.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from store_world import attempts, report, rows_of

from genbench.errors import StoreError
from genbench.leaderboard import manifest, store
from genbench.leaderboard.compact import compact
from genbench.leaderboard.repair import repair
from genbench.leaderboard.verify import verify

Mutation = Callable[[random.Random, bytes, list[bytes]], bytes]


def flip_a_bit(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """One bit is another."""
    at = rng.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]


def truncate(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """The end is missing."""
    return content[: rng.randrange(len(content))]


def overwrite(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """A run of bytes is noise."""
    at, length = rng.randrange(len(content)), rng.randint(1, 512)
    return content[:at] + rng.randbytes(len(content[at : at + length])) + content[at + length :]


def insert(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """There is noise between."""
    at = rng.randrange(len(content))
    return content[:at] + rng.randbytes(rng.randint(1, 64)) + content[at:]


def delete(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """A run of bytes is missing."""
    at = rng.randrange(len(content))
    return content[:at] + content[at + rng.randint(1, 64) :]


def zero_the_tail(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """As after a loss of power: the length is right, the end is zeros."""
    at = rng.randrange(len(content))
    return content[:at] + bytes(len(content) - at)


def splice(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """The beginning of this file, the end of another."""
    at = rng.randrange(len(content))
    return content[:at] + rng.choice(others)[at:]


def swap(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """Another part, or an earlier state of this one, sound in itself."""
    return rng.choice(others)


MUTATIONS: tuple[Mutation, ...]
MUTATIONS = (flip_a_bit, truncate, overwrite, insert, delete, zero_the_tail, splice, swap)


def main() -> None:
    """Run the experiment and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutations", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    failures: list[str] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder) / "leaderboard"
        parts = of_parts(world, rng, arguments.mutations, failures)
        lines = of_the_manifest(world, rng, arguments.mutations // 5, failures)
    seconds = round(time.monotonic() - began, 1)
    report({**parts, **lines, "seconds": seconds, "failures": len(failures)}, failures)


def make(folder: Path) -> tuple[dict[str, int], list[bytes]]:
    """A leaderboard of own parts and a compacted one; and earlier states of its files."""
    for run in ("a", "b", "c"):
        store.commit(folder, rows_of(run))
    earlier = [path.read_bytes() for path in folder.glob("*.parquet")]
    compact(folder)
    earlier.append((folder / "compacted+1.parquet").read_bytes())
    store.commit(folder, rows_of("b", 2))
    for run in ("d", "e"):
        store.commit(folder, rows_of(run))
        earlier.append((folder / f"{run}.parquet").read_bytes())
        store.commit(folder, rows_of(run, 2))
    return {"a": 1, "b": 2, "c": 1, "d": 2, "e": 2}, earlier


def of_parts(
    folder: Path, rng: random.Random, mutations: int, failures: list[str]
) -> dict[str, Any]:
    """Damage parts; return how often that was refused, and what Parquet would have said."""
    state, earlier = make(folder)
    good = {path: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}
    counts: Counter[str] = Counter({"mutations of parts": 0, "refused": 0})
    for number in range(mutations):
        path = rng.choice(list(good))
        mutate = rng.choice(MUTATIONS)
        others = [*earlier, *(content for other, content in good.items() if other != path)]
        content = mutate(rng, good[path], others)
        if content == good[path]:
            continue
        counts["mutations of parts"] += 1
        path.write_bytes(content)
        told = f"{mutate.__name__} of {path.name} (mutation {number})"
        counts["refused"] += refused(folder, path, state, told, failures)
        if mutate not in (splice, swap):  # which give sound files of other rows
            truth = pq.read_table(pa.BufferReader(good[path]))
            for check in (False, True):
                name = f"Parquet {'with' if check else 'without'} page checksums reads wrong rows"
                counts[name] += reads_wrong(content, truth, check)
        path.write_bytes(good[path])
    if attempts(store.read(folder)) != (state, []) or verify(folder):
        failures.append("the experiment damaged what it was to put back")
    return dict(counts)


def refused(
    folder: Path, path: Path, state: dict[str, int], told: str, failures: list[str]
) -> bool:
    """Whether a damaged part is refused everywhere, by name, and nothing else with it."""
    before = len(failures)
    try:
        store.read(folder)
        failures.append(f"{told}: read")
    except StoreError as error:
        if str(path) not in str(error):
            failures.append(f"{told}: not named: {error}")
    runs = {"a", "b", "c"} if "+" in path.name else {path.stem}
    skipped: list[str] = []
    rest = attempts(store.read(folder, skipped=skipped))
    if rest != ({run: n for run, n in state.items() if run not in runs}, []):
        failures.append(f"{told}: with skipped, {rest}")
    if len(skipped) != 1 or str(path) not in skipped[0]:
        failures.append(f"{told}: skipped {skipped}")
    for run, attempt in state.items():
        try:
            found = store.read_run(folder, run)
            if run in runs or found is None or attempts(found) != ({run: attempt}, []):
                failures.append(f"{told}: read_run {run}")
        except StoreError as error:
            if run not in runs or str(path) not in str(error):
                failures.append(f"{told}: read_run {run}: {error}")
    return len(failures) == before


def reads_wrong(content: bytes, truth: pa.Table, page_checksums: bool) -> bool:
    """Whether Parquet alone reads something, and it is not what was written."""
    source = pa.BufferReader(content)
    try:
        table = pq.ParquetFile(source, page_checksum_verification=page_checksums).read()
        return bool(table.to_pylist() != truth.to_pylist())
    except (pa.ArrowException, OSError, ValueError):
        return False


def of_the_manifest(
    folder: Path, rng: random.Random, mutations: int, failures: list[str]
) -> dict[str, Any]:
    """Damage the manifest: the parts are good, so all that may happen is an error or the truth."""
    path = folder / manifest.NAME
    good = path.read_bytes()
    state = attempts(store.read(folder))
    counts: Counter[str] = Counter({"mutations of the manifest": 0, "harmless": 0, "noticed": 0})
    for number in range(mutations):
        mutate = rng.choice(MUTATIONS[:-1])
        lines = good.split(b"\n")
        rng.shuffle(lines)
        content = mutate(rng, good, [good[: rng.randrange(len(good))], b"\n".join(lines)])
        if content == good:
            continue
        path.write_bytes(content)
        counts["mutations of the manifest"] += 1
        told = f"{mutate.__name__} of the manifest (mutation {number})"
        try:
            if attempts(store.read(folder)) != state:
                failures.append(f"{told}: wrong rows")
            counts["harmless"] += 1
        except StoreError as error:
            if ".parquet" not in str(error):
                failures.append(f"{told}: no file is named: {error}")
        counts["noticed"] += bool(verify(folder))
    path.write_bytes(b"\n".join([*good.split(b"\n")[:5], b'{"check": "0123']))
    repair(folder)
    failures += [f"after repair: {problem}" for problem in verify(folder)]
    return dict(counts)


if __name__ == "__main__":
    main()
