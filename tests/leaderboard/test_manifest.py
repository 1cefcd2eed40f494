"""The manifest: lines that are believed, and lines that are not."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from genbench.errors import StoreError
from genbench.leaderboard import manifest
from genbench.leaderboard.manifest import Entry


def entry(file: str = "a.parquet", sha256: str = "1" * 64) -> Entry:
    return Entry(file, sha256, 25, (file.removesuffix(".parquet"),))


def test_a_hash_is_good_from_its_announcement_on_and_earlier_ones_until_the_commit(
    tmp_path: Path,
) -> None:
    old, new = entry(sha256="1" * 64), entry(sha256="2" * 64)
    manifest.append(tmp_path, "announced", [old])
    manifest.append(tmp_path, "committed", [old])
    manifest.append(tmp_path, "announced", [new])
    known = manifest.load(tmp_path)
    assert known.entry("a.parquet", old.sha256) == old
    assert known.entry("a.parquet", new.sha256) == new
    manifest.append(tmp_path, "committed", [new])
    known = manifest.load(tmp_path)
    assert known.entry("a.parquet", old.sha256) is None
    assert known.expected == {"a.parquet": new}


def test_what_is_retired_is_no_longer_expected_and_still_good(tmp_path: Path) -> None:
    manifest.append(tmp_path, "committed", [entry()])
    manifest.append(tmp_path, "retired", [entry()])
    known = manifest.load(tmp_path)
    assert known.expected == {}
    assert known.entry("a.parquet", "1" * 64) == entry()


def test_a_line_can_be_read_and_its_checksum_made_by_hand(tmp_path: Path) -> None:
    manifest.append(tmp_path, "committed", [entry()])
    line = (tmp_path / manifest.NAME).read_bytes().strip()
    told = json.loads(line)
    assert told.pop("check") == hashlib.sha256(line[30:-1]).hexdigest()[:16]
    assert told == {
        "event": "committed",
        "file": "a.parquet",
        "sha256": "1" * 64,
        "rows": 25,
        "runs": ["a"],
    }


def test_a_torn_line_is_not_believed_and_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / manifest.NAME
    manifest.append(tmp_path, "committed", [entry("a.parquet")])
    with path.open("ab") as file:
        file.write(b'\n{"check": "0123456789abcdef", "event": "commi')
    manifest.append(tmp_path, "committed", [entry("b.parquet")])
    known = manifest.load(tmp_path)
    assert sorted(known.expected) == ["a.parquet", "b.parquet"]
    assert known.damaged_lines == [3]


@pytest.mark.parametrize(
    "changed",
    [
        (b'"rows": 25', b'"rows": 26'),
        (b"committed", b"announced"),
        (b"1111", b"1112"),
        (b'"check"', b'"chekc"'),
        (b'{"check', b"[" * 100_000),
        (b'"runs"', b"\xff\xfe"),
    ],
)
def test_a_line_that_was_changed_is_not_believed(
    tmp_path: Path, changed: tuple[bytes, bytes]
) -> None:
    path = tmp_path / manifest.NAME
    manifest.append(tmp_path, "committed", [entry()])
    path.write_bytes(path.read_bytes().replace(*changed, 1))
    known = manifest.load(tmp_path)
    assert known.expected == {}
    assert known.damaged_lines == [2]


def test_the_essence_says_the_same_in_the_fewest_lines(tmp_path: Path) -> None:
    for sha256 in ("1" * 64, "2" * 64):
        manifest.append(tmp_path, "announced", [entry(sha256=sha256)])
        manifest.append(tmp_path, "committed", [entry(sha256=sha256)])
    manifest.append(tmp_path, "committed", [entry("gone.parquet"), entry("lost.parquet")])
    manifest.append(tmp_path, "retired", [entry("gone.parquet")])
    manifest.append(tmp_path, "announced", [entry("never-there.parquet")])
    lines = manifest.load(tmp_path).essence(present=["a.parquet"])
    assert lines == [
        ("committed", entry(sha256="2" * 64)),
        ("committed", entry("lost.parquet")),
    ]
    manifest.rewrite(tmp_path, lines)
    assert manifest.load(tmp_path).essence(["a.parquet"]) == lines


def test_what_only_one_file_needs_is_what_the_whole_says_of_it(tmp_path: Path) -> None:
    manifest.append(tmp_path, "committed", [entry("a.parquet"), entry("b.parquet")])
    known = manifest.load(tmp_path, only="b.parquet")
    assert known.entries("b.parquet") == [entry("b.parquet")]
    assert not known.lists("a.parquet")


def test_where_there_is_no_manifest_nothing_is_listed(tmp_path: Path) -> None:
    assert manifest.load(tmp_path).expected == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_manifest_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    manifest.append(tmp_path, "committed", [entry()])
    (tmp_path / manifest.NAME).chmod(0)
    with pytest.raises(StoreError, match=r"_manifest\.jsonl cannot be read: Permission denied"):
        manifest.load(tmp_path)
