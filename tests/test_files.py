"""Old content or new, never a third."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from genbench import files
from genbench.files import append, locked, move, replace_file, temporary_of, writable, write_json


def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "new-folder" / "data.json"
    write_json(path, {"a": 1})
    write_json(path, {"a": 2})
    assert path.read_text() == '{\n  "a": 2\n}\n'
    assert os.listdir(path.parent) == ["data.json"]


def test_an_error_while_writing_leaves_the_old_content_and_no_temporary(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("old")

    def write() -> None:
        with replace_file(path) as temporary:
            temporary.write_text("half of the n")
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        write()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["data"]


def test_nan_is_never_written_as_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "data.json", {"a": float("nan")})
    assert os.listdir(tmp_path) == []


def test_a_folder_yet_to_be_made_is_writable_where_its_parent_is(tmp_path: Path) -> None:
    assert writable(tmp_path / "a" / "b") is None
    (tmp_path / "file").write_text("")
    assert writable(tmp_path / "file" / "b") == f"{tmp_path / 'file'} is a file"


def test_a_line_that_the_disk_took_in_part_is_written_again_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Small:
        taken = 0

        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

        def write(self, descriptor: int, content: bytes) -> int:
            self.taken += 1
            return os.write(descriptor, content[:3] if self.taken == 1 else content)

    monkeypatch.setattr(files, "os", Small())
    append(tmp_path / "log", b"first", durable=True)
    append(tmp_path / "log", b"second", durable=False)
    assert (tmp_path / "log").read_bytes() == b"\nfi\nfirst\nsecond"


def test_a_temporary_file_tells_what_it_was_to_become(tmp_path: Path) -> None:
    with replace_file(tmp_path / "a.b-1.parquet") as temporary:
        assert temporary_of(temporary.name) == "a.b-1.parquet"
        temporary.write_bytes(b"")
    for name in ("a.parquet", ".a.tmp", ".a.parquet.0123456.tmp", "a.parquet.01234567.tmp"):
        assert temporary_of(name) is None


def test_what_is_moved_takes_the_place_of_nothing(tmp_path: Path) -> None:
    for content in ("first", "second"):
        (tmp_path / "a").write_text(content)
        move(tmp_path / "a", tmp_path / "aside")
    assert (tmp_path / "aside" / "a").read_text() == "first"
    assert (tmp_path / "aside" / "a.2").read_text() == "second"


def test_a_shared_lock_lets_others_share_and_keeps_out_who_wants_it_alone(tmp_path: Path) -> None:
    path, got = tmp_path / "lock", threading.Event()

    def alone() -> None:
        with locked(path, exclusive=True):
            got.set()

    with locked(path, exclusive=False), locked(path, exclusive=False):
        waiting = threading.Thread(target=alone)
        waiting.start()
        assert not got.wait(0.1)
    assert got.wait(10)
    waiting.join()
