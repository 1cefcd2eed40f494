"""Old content or new, never a third."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from genbench.files import replace_file, writable, write_json


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
