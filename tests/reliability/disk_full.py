"""A disk that is full, and files that may not grow: one clear error, and the old rows unharmed.

    python tests/reliability/disk_full.py --step 50

First on a file system of 64 KB, in a mount namespace of its own (where that is permitted); then
under RLIMIT_FSIZE, from a limit that lets nothing be written to one that is just large enough.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from store_world import attempts, report, rows_of

from genbench.errors import StoreError
from genbench.leaderboard import disk, store
from genbench.leaderboard.compact import compact
from genbench.leaderboard.repair import repair
from genbench.leaderboard.verify import verify

ENTER = ["unshare", "--user", "--map-root-user", "--mount"]


def main() -> None:
    """Run the experiment and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--step", type=int, default=50, help="between two limits, in bytes")
    parser.add_argument("--mounted", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.mounted:
        full_disk(arguments.mounted / "leaderboard")
        return
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        print(in_a_small_file_system(folder, failures))
        limits = limited_files(Path(folder) / "leaderboard", arguments.step, failures)
    report({**limits, "failures": len(failures)}, failures)


def in_a_small_file_system(folder: str, failures: list[str]) -> str:
    """Fill a file system of 64 KB; say what happened."""
    mount = f"mount -t tmpfs -o size=64k none '{folder}'"
    probe = [*ENTER, "sh", "-c", mount]
    if not shutil.which("unshare") or subprocess.run(probe, capture_output=True).returncode:
        return "tmpfs: skipped, for mounting is not permitted here"
    again = f"{mount} && exec '{sys.executable}' '{__file__}' --mounted '{folder}'"
    done = subprocess.run([*ENTER, "sh", "-c", again], capture_output=True, text=True)
    if done.returncode:
        failures.append(f"tmpfs: {done.stdout}{done.stderr}")
    return f"tmpfs: {done.stdout.strip()}"


def full_disk(folder: Path) -> None:
    """Commit until the disk is full, and on; then make room."""
    failures: list[str] = []
    expected: dict[str, int] = {}
    messages = []
    for number in range(40):
        run = f"toy-{number}"
        try:
            store.commit(folder, rows_of(run))
            expected[run] = 1
        except StoreError as error:
            messages.append(str(error))
        check(folder, expected, failures)
    committed = len(expected)
    for run in list(expected)[:5]:
        try:
            store.commit(folder, rows_of(run, 2, rows=25))
            expected[run] = 2
        except StoreError as error:
            messages.append(str(error))
        check(folder, expected, failures)
    for upkeep in (compact, repair):
        try:
            upkeep(folder)
        except StoreError as error:
            messages.append(str(error))
        check(folder, expected, failures)
    if not all("No space left on device" in message for message in messages):
        failures.append(f"the messages do not say that the disk is full: {messages[:2]}")
    gone = next(iter(expected))
    if (folder / f"{gone}.parquet").exists():
        (folder / f"{gone}.parquet").unlink()
        del expected[gone]
    try:
        repair(folder)
        store.commit(folder, rows_of("after"))
        expected["after"] = 1
    except StoreError as error:
        failures.append(f"with room again: {error}")
    check(folder, expected, failures)
    failures += [f"at the end: {problem}" for problem in verify(folder)]
    report({"commits": committed, "refusals": len(messages)}, failures)


def limited_files(folder: Path, step: int, failures: list[str]) -> dict[str, int]:
    """Commit, and compact, in children whose files may grow to a limit and no further."""
    store.commit(folder, rows_of("a"))
    store.commit(folder, rows_of("b"))
    counts = {"limits": 0, "refused": 0}
    needed = max(path.stat().st_size for path in folder.iterdir())
    largest = 2 * needed
    for limit in range(0, largest, step):
        mine = folder.parent / "mine"
        shutil.rmtree(mine, ignore_errors=True)
        shutil.copytree(folder, mine)
        counts["limits"] += 1
        refused = in_a_child(limit, mine)
        counts["refused"] += refused
        old, new = {"a": 1, "b": 1}, {"a": 2, "b": 1}
        check(mine, old if refused else new, failures, or_else=new if refused else None)
        store.commit(mine, rows_of("a", 3))
        check(mine, {"a": 3, "b": 1}, failures)
        repair(mine)
        failures += [f"limit {limit}: {problem}" for problem in verify(mine)]
    if not 0 < counts["refused"] < counts["limits"]:
        failures.append("the limits were all too small, or all too large")
    return counts


def in_a_child(limit: int, folder: Path) -> bool:
    """Whether a commit was refused under a limit on the size of files, in bytes."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            store.commit(folder, rows_of("a", 2))
            compact(folder)
        except StoreError as error:
            os._exit(1 if "File too large" in str(error) else 3)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 1), f"the commit ended with {status} at a limit of {limit} bytes"
    return status == 1


def check(
    folder: Path,
    expected: dict[str, int],
    failures: list[str],
    or_else: dict[str, int] | None = None,
) -> None:
    """Note what is not as it should be."""
    state, wrong = attempts(store.read(folder))
    failures += wrong
    if state not in (expected, or_else):
        failures.append(f"read {state}, not {expected}")
    if disk.leftovers(folder):
        failures.append(f"left: {disk.leftovers(folder)}")


if __name__ == "__main__":
    main()
