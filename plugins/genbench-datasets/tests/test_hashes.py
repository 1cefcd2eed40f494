from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from genbench.errors import GenbenchError
from genbench_datasets import hashes


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose content is read from now on, by name."""
    names: list[str] = []
    really = hashes.sha256

    def noted(path: Path) -> str:
        names.append(path.name)
        return really(path)

    monkeypatch.setattr(hashes, "sha256", noted)
    return names


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as settled at once."""
    monkeypatch.setattr(hashes, "SETTLED_SECONDS", -1.0)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    for name in "abc":
        (tmp_path / name).write_text(name)
    return [tmp_path / name for name in "abc"]


@pytest.mark.usefixtures("settled")
def test_a_file_is_read_once(paths: list[Path], tmp_path: Path, read: list[str]) -> None:
    expected = [digest(b"a"), digest(b"b"), digest(b"c")]
    assert hashes.of_files(paths, tmp_path / "new" / "memory") == expected
    assert sorted(read) == ["a", "b", "c"]
    assert hashes.of_files(paths, tmp_path / "new" / "memory") == expected
    assert len(read) == 3


@pytest.mark.usefixtures("settled")
def test_a_file_that_changed_is_read_again_whatever_its_times_say(
    paths: list[Path], tmp_path: Path, read: list[str]
) -> None:
    hashes.of_files(paths, tmp_path / "memory")
    before = paths[1].stat()
    time.sleep(0.02)  # more than a tick of the kernel's clock
    paths[1].write_text("B")  # of the same size
    os.utime(paths[1], ns=(before.st_atime_ns, before.st_mtime_ns))
    read.clear()
    assert hashes.of_files(paths, tmp_path / "memory")[1] == digest(b"B")
    assert read == ["b"]


def test_what_was_changed_a_moment_ago_is_not_remembered(
    paths: list[Path], tmp_path: Path, read: list[str]
) -> None:
    hashes.of_files(paths, tmp_path / "memory")
    hashes.of_files(paths, tmp_path / "memory")
    assert len(read) == 6


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("damage", [lambda b: b[:-3], lambda b: b"", lambda b: b[:-90] + b"0" * 90])
def test_a_damaged_memory_is_no_memory(
    paths: list[Path], tmp_path: Path, read: list[str], damage: object
) -> None:
    expected = hashes.of_files(paths, tmp_path / "memory")
    memory = tmp_path / "memory"
    memory.write_bytes(damage(memory.read_bytes()))  # type: ignore[operator]
    assert hashes.of_files(paths, memory) == expected
    assert len(read) == 6


def test_a_file_that_is_gone_is_named(paths: list[Path], tmp_path: Path) -> None:
    paths[2].unlink()
    with pytest.raises(GenbenchError, match=r"/c cannot be read: No such file"):
        hashes.of_files(paths, tmp_path / "memory")


@pytest.mark.usefixtures("settled")
def test_a_memory_that_cannot_be_kept_is_none_and_no_error(
    paths: list[Path], tmp_path: Path, read: list[str]
) -> None:
    (tmp_path / "file").touch()  # where a folder would have to be
    for _ in range(2):
        found = hashes.of_files(paths, tmp_path / "file" / "memory")
        assert found == [digest(b"a"), digest(b"b"), digest(b"c")]
    assert len(read) == 6


@pytest.mark.usefixtures("settled")
def test_the_files_of_a_folder_are_remembered_by_data_set_and_folder(
    paths: list[Path], tmp_path: Path, cache: Path, read: list[str]
) -> None:
    assert hashes.of_folder(paths[:2], tmp_path, "mnist") == [digest(b"a"), digest(b"b")]
    assert hashes.of_folder(paths[:2], tmp_path / "x" / "..", "mnist") == [
        digest(b"a"),
        digest(b"b"),
    ]
    assert sorted(read) == ["a", "b"]
    assert [path.parent.name for path in (cache / "mnist").rglob("*.json")] == ["hashes"]


def test_a_name_is_of_each_content_and_of_their_order() -> None:
    assert len({hashes.name_of(of) for of in (["a", "b"], ["b", "a"], ["ab"], ["a"])}) == 4
