"""Repair: readers go on, and nothing is lost by it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from genbench.errors import StoreError
from genbench.leaderboard import disk, manifest
from genbench.leaderboard.compact import compact
from genbench.leaderboard.repair import repair
from genbench.leaderboard.schema import SCHEMA
from genbench.leaderboard.verify import verify

Commit = Callable[..., Path]
Values = Callable[[], dict[str, float]]
Plainly = Callable[[], list[tuple[str, float]]]


def test_a_damaged_part_is_set_aside_and_not_deleted(
    folder: Path, commit: Commit, values: Values, plainly: Plainly
) -> None:
    commit("a")
    commit("b").write_bytes(b"PAR1 torn")
    (done,) = repair(folder)
    assert done.startswith("b.parquet: it cannot be read: its SHA-256 is not that in the manifest;")
    assert done.endswith("moved to _damaged/b.parquet. Run again what it held: b.")
    assert (folder / "_damaged" / "b.parquet").read_bytes() == b"PAR1 torn"
    assert values() == {"a": 1.0}
    assert plainly() == [("a", 1.0)]
    assert verify(folder) == []


def test_what_is_set_aside_twice_is_kept_twice(folder: Path, commit: Commit) -> None:
    for content in (b"first", b"second"):
        commit("a").write_bytes(content)
        repair(folder)
    kept = {path.name: path.read_bytes() for path in (folder / "_damaged").iterdir()}
    assert kept == {"a.parquet": b"first", "a.parquet.2": b"second"}


def test_a_leaderboard_from_before_the_manifest_gets_one(
    folder: Path, commit: Commit, values: Values
) -> None:
    path = commit("a")
    commit("b")
    (folder / manifest.NAME).unlink()
    assert repair(folder) == ["a.parquet: now in the manifest.", "b.parquet: now in the manifest."]
    listed = manifest.load(folder).expected["a.parquet"]
    assert listed.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert listed.runs == ("a",)
    assert verify(folder) == []
    assert values() == {"a": 1.0, "b": 1.0}


def test_a_loss_is_told_once_and_forgotten(folder: Path, commit: Commit) -> None:
    commit("a")
    commit("b").unlink()
    assert repair(folder) == [
        "b.parquet: not there; forgotten. Run again what it held: b.",
    ]
    assert verify(folder) == []
    assert repair(folder) == []


def test_leftovers_and_torn_lines_go(folder: Path, commit: Commit) -> None:
    commit("a")
    (folder / ".b.parquet.01234567.tmp").write_bytes(b"PAR1")
    with (folder / manifest.NAME).open("ab") as file:
        file.write(b'\n{"check": "01')
    assert repair(folder) == [
        ".b.parquet.01234567.tmp: left by a writer that died; deleted.",
        "_manifest.jsonl: written without what could not be believed, line 4.",
    ]
    assert verify(folder) == []


def test_a_run_that_is_there_twice_keeps_the_rows_that_were_counted(
    folder: Path, commit: Commit, values: Values, plainly: Plainly, tmp_path: Path
) -> None:
    copy = commit("a", value=2.0, into=tmp_path / "other")
    commit("a")
    commit("b")
    compact(folder)
    shutil.copy(copy, folder)
    counted = values()
    assert counted == {"a": 2.0, "b": 1.0}
    assert "compacted+1.parquet: rows taken out that another part has: a." in repair(folder)
    assert values() == counted
    assert plainly() == sorted(counted.items())
    assert verify(folder) == []


def test_a_compacted_part_that_others_replace_whole_goes(
    folder: Path, commit: Commit, values: Values, tmp_path: Path
) -> None:
    for run in "ab":
        commit(run)
        commit(run, value=2.0, into=tmp_path / "other")
    compact(folder)
    for path in (tmp_path / "other").glob("*.parquet"):
        shutil.copy(path, folder)
    repair(folder)
    assert disk.listing(folder) == ["a.parquet", "b.parquet"]
    assert values() == {"a": 2.0, "b": 2.0}
    assert verify(folder) == []


def test_a_part_of_another_version_is_left_and_stays_listed(folder: Path, commit: Commit) -> None:
    commit("a")
    newer = SCHEMA.empty_table().replace_schema_metadata({"genbench.schema": "99"})
    pq.write_table(newer, folder / "newer.parquet")
    content = (folder / "newer.parquet").read_bytes()
    entry = manifest.Entry("newer.parquet", hashlib.sha256(content).hexdigest(), 0, ())
    manifest.append(folder, "committed", [entry])
    (done,) = repair(folder)
    assert "has leaderboard schema 99; this genbench reads 1; left as it is" in done
    assert (folder / "newer.parquet").exists()
    assert manifest.load(folder).expected["newer.parquet"] == entry


def test_a_sound_leaderboard_is_left_as_it_is(folder: Path, commit: Commit) -> None:
    content = commit("a").read_bytes()
    assert repair(folder) == []
    assert (folder / "a.parquet").read_bytes() == content
    assert not (folder / "_damaged").exists()


def test_without_a_leaderboard_there_is_nothing_to_repair(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no leaderboard at"):
        repair(tmp_path / "nowhere")
