"""Compaction: the same rows in fewer files, whoever is at work."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from genbench import files
from genbench.errors import StoreError
from genbench.leaderboard import disk, manifest, store
from genbench.leaderboard.compact import compact
from genbench.leaderboard.verify import verify

Commit = Callable[..., Path]
Values = Callable[[], dict[str, float]]
Plainly = Callable[[], list[tuple[str, float]]]


def test_the_rows_of_all_runs_are_in_one_file_and_nowhere_else(
    folder: Path, commit: Commit, values: Values, plainly: Plainly
) -> None:
    for number, run in enumerate("abc"):
        commit(run, value=float(number))
    done = compact(folder)
    assert (done.path, done.runs, done.left) == (folder / "compacted+1.parquet", 3, [])
    assert disk.listing(folder) == ["compacted+1.parquet"]
    assert values() == {"a": 0.0, "b": 1.0, "c": 2.0}
    assert plainly() == [("a", 0.0), ("b", 1.0), ("c", 2.0)]
    assert verify(folder) == []


def test_the_next_compaction_goes_on_with_the_same_file(
    folder: Path, commit: Commit, values: Values
) -> None:
    commit("a")
    commit("b")
    compact(folder)
    commit("c", value=3.0)
    assert compact(folder).runs == 1
    assert disk.listing(folder) == ["compacted+1.parquet"]
    assert values() == {"a": 1.0, "b": 1.0, "c": 3.0}
    assert verify(folder) == []


def test_one_part_alone_is_left_as_it_is(folder: Path, commit: Commit) -> None:
    commit("a")
    assert compact(folder).path is None
    assert disk.listing(folder) == ["a.parquet"]
    commit("b")
    compact(folder)
    assert compact(folder).path is None


def test_a_compacted_run_that_is_run_again_is_there_once_for_every_reader(
    folder: Path, commit: Commit, values: Values, plainly: Plainly
) -> None:
    commit("a")
    commit("b")
    compact(folder)
    assert commit("a", value=2.0) == folder / "compacted+1.parquet"
    assert values() == {"a": 2.0, "b": 1.0}
    assert plainly() == [("a", 2.0), ("b", 1.0)]
    assert verify(folder) == []


def test_the_manifest_stays_short_however_often_compacted_runs_are_run_again(
    folder: Path, commit: Commit
) -> None:
    commit("a")
    commit("b")
    compact(folder)
    for number in range(5):
        commit("a", value=float(number))
    assert len((folder / manifest.NAME).read_text().splitlines()) == 1


def test_rows_of_one_run_are_found_in_a_compacted_part(folder: Path, commit: Commit) -> None:
    commit("a", value=5.0)
    commit("b")
    compact(folder)
    found = store.read_run(folder, "a")
    assert found is not None
    assert [(r["run_id"], r["value"]) for r in store.rows_of(found)] == [("a", 5.0)]
    assert store.read_run(folder, "c") is None


def test_a_damaged_part_is_never_compacted_away(folder: Path, commit: Commit) -> None:
    for run in ("a", "b", "damaged"):
        commit(run)
    (folder / "damaged.parquet").write_bytes(b"PAR1 torn")
    done = compact(folder)
    assert disk.listing(folder) == ["compacted+1.parquet", "damaged.parquet"]
    assert done.runs == 2
    (reason,) = done.left
    assert "damaged.parquet" in reason


def test_a_damaged_compacted_part_is_left_and_another_begun(
    folder: Path, commit: Commit, values: Values
) -> None:
    commit("a")
    commit("b")
    compact(folder)
    path = folder / "compacted+1.parquet"
    sound = path.read_bytes()
    path.write_bytes(sound[:-1])
    commit("a", value=2.0)
    commit("c", value=3.0)
    assert disk.listing(folder) == ["a.parquet", "c.parquet", "compacted+1.parquet"]
    compact(folder)
    assert disk.listing(folder) == ["compacted+1.parquet", "compacted+2.parquet"]
    # Its owner has a copy: what was written since wins over what it held.
    path.write_bytes(sound)
    assert values() == {"a": 2.0, "b": 1.0, "c": 3.0}
    found = store.read_run(folder, "a")
    assert found is not None
    assert found["value"].to_pylist() == [2.0]


def test_who_reads_while_a_compaction_deletes_finds_every_run_once(
    folder: Path, commit: Commit, values: Values, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run in "abc":
        commit(run)
    seen = []

    class Between:
        def __getattr__(self, name: str) -> object:
            if name in ("replace", "unlink"):
                seen.append(values())
            return getattr(os, name)

    monkeypatch.setattr(files, "os", Between())
    compact(folder)
    monkeypatch.undo()
    seen.append(values())
    assert len(seen) >= 6
    assert all(found == {"a": 1.0, "b": 1.0, "c": 1.0} for found in seen)


def test_a_part_that_is_gone_when_it_is_read_is_looked_for_again(
    folder: Path, commit: Commit, values: Values, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit("a")
    commit("b")
    listing = disk.listing

    def too_early(where: Path) -> list[str]:
        names = listing(where)
        monkeypatch.undo()
        compact(where)
        return names

    monkeypatch.setattr(disk, "listing", too_early)
    assert values() == {"a": 1.0, "b": 1.0}


def test_without_a_leaderboard_there_is_nothing_to_compact(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no leaderboard at"):
        compact(tmp_path / "nowhere")
