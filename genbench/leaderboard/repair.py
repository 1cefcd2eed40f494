"""Repair: what is wrong is set right where that loses nothing, and set aside where it does not."""

from __future__ import annotations

from pathlib import Path

from genbench import files
from genbench.errors import StoreError
from genbench.leaderboard import disk, manifest, part

ASIDE = "_damaged"
"""Folder of the parts that were set aside; the underscore keeps readers of folders out."""


def repair(folder: Path) -> list[str]:
    """Make a leaderboard sound; return what was done and what was left, a sentence each.

    Damaged parts are moved to ``_damaged/``, never deleted. Good parts that the manifest does not
    list are listed. A run that is there twice keeps the rows that `store.read` counts. Temporary
    files of the dead go, and the manifest is written anew. Doing it again changes nothing.

    Raises:
        StoreError: there is no such leaderboard, or it cannot be written.
    """
    if not folder.is_dir():
        raise StoreError(f"There is no leaderboard at {folder}. genbench run makes one.")
    try:
        with disk.locked(folder, exclusive=True):
            return _repair(folder)
    except OSError as error:
        raise StoreError(f"The leaderboard {folder} cannot be repaired: {error}.") from error


def _repair(folder: Path) -> list[str]:
    done = [f"{name}: left by a writer that died; deleted." for name in disk.sweep(folder)]
    known = manifest.load(folder)
    good: list[disk.Part] = []
    foreign: list[str] = []
    for name in disk.listing(folder):
        try:
            good.append(disk.read_named(folder / name, known))
        except disk.DamagedError as error:
            moved = files.move(folder / name, folder / ASIDE)
            done.append(
                f"{name}: it {error.cause}; moved to {moved.relative_to(folder)}. "
                f"{_run_again(known, name)}"
            )
        except disk.UnreadableError as error:
            foreign.append(name)
            done.append(f"{name}: it {error.cause}; left as it is. {error.remedy}")
    good, told = _once(folder, good)
    done += told
    done += [f"{found.name}: now in the manifest." for found in good if not found.listed]
    present = {found.name for found in good} | set(foreign)
    for name in known.expected:
        if not (folder / name).exists() and not (folder / ASIDE / name).exists():
            done.append(f"{name}: not there; forgotten. {_run_again(known, name)}")
    if known.damaged_lines:
        lines = ", ".join(map(str, known.damaged_lines))
        done.append(f"{manifest.NAME}: written without what could not be believed, line {lines}.")
    kept = [line for line in known.essence(present) if line[1].file in foreign]
    manifest.rewrite(folder, [*kept, *(("committed", found.entry) for found in good)])
    return done


def _once(folder: Path, parts: list[disk.Part]) -> tuple[list[disk.Part], list[str]]:
    """The parts once every run is in one of them only, and what was done for that."""
    by_name = {found.name: found for found in parts}
    runs = {run for name, found in by_name.items() for run in found.runs if _is_own(name)}
    done = []
    for name in disk.compacted(by_name):
        found = by_name[name]
        twice = runs & set(found.runs)
        runs |= set(found.runs)
        if not twice:
            continue
        done.append(f"{name}: rows taken out that another part has: {', '.join(sorted(twice))}.")
        rest = part.without(found.table, twice)
        if rest.num_rows:
            by_name[name] = disk.read(disk.publish(folder, name, rest))
        else:
            disk.withdraw(folder, [by_name.pop(name)])
    return list(by_name.values()), done


def _run_again(known: manifest.Manifest, name: str) -> str:
    held = {run for entry in known.entries(name) for run in entry.runs} or {Path(name).stem}
    return f"Run again what it held: {', '.join(sorted(held))}."


def _is_own(name: str) -> bool:
    return part.compacted_number(name) is None
