"""``genbench cache``: what is kept, and how to be rid of it."""

from __future__ import annotations

import json
from pathlib import Path

import platformdirs
import pytest
from click.testing import CliRunner

from genbench import cache as cache_
from genbench.cli import main


def invoke(*arguments: str) -> str:
    done = CliRunner().invoke(main, ["cache", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def filled(cache: Path) -> Path:
    for part in ("features", "downloads"):
        cache_.folder(part)
    for name, size in {
        "features/a": 1000,
        "features/b": 1048,
        "downloads/deep/c": 5 * 2**20,
    }.items():
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / name).write_bytes(bytes(size))
    return cache


def test_parts_are_listed_with_their_size(filled: Path) -> None:
    lines = invoke().splitlines()
    assert lines[0] == str(filled)
    words = [line.split() for line in lines]
    assert ["features", "2", "2.0", "KiB"] in words
    assert ["downloads", "1", "5.0", "MiB"] in words
    assert ["all", "3", "5.0", "MiB"] in words
    told = json.loads(invoke("--format", "json"))
    assert {part["name"]: part["size_bytes"] for part in told["parts"]} == {
        "features": 2048,
        "downloads": 5 * 2**20,
    }


def test_one_part_or_all_are_deleted(filled: Path) -> None:
    assert invoke("clear", "features") == "features: 2 files, 2.0 KiB deleted\n"
    assert [path.name for path in filled.iterdir()] == ["downloads"]
    assert invoke("clear", "--all") == "downloads: 1 files, 5.0 MiB deleted\n"
    assert invoke("clear", "--all") == "Nothing is kept.\n"
    assert "Nothing is kept." in invoke()


def test_nothing_is_deleted_that_was_not_named(filled: Path) -> None:
    done = CliRunner().invoke(main, ["cache", "clear"])
    assert done.exit_code == 2
    assert "Name what is to be deleted" in done.output
    assert (filled / "features" / "a").exists()


def test_what_is_not_genbenchs_is_neither_listed_nor_deleted(filled: Path) -> None:
    (filled / "thesis").mkdir()
    (filled / "thesis" / "draft.tex").write_text("all of it")
    (filled / "photos").symlink_to(filled / "features")
    assert {"thesis", "photos"}.isdisjoint(invoke().split())
    invoke("clear", "--all")
    assert sorted(path.name for path in filled.iterdir()) == ["photos", "thesis"]


def test_what_cannot_be_deleted_is_named(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(cache_.shutil, "rmtree", refused)
    done = CliRunner().invoke(main, ["cache", "clear", "features"])
    assert done.exit_code == 1
    assert "features cannot be deleted: Permission denied." in done.output
    assert "deleted\n" not in done.output


def test_a_part_that_is_not_there_is_answered_with_the_nearest(filled: Path) -> None:
    done = CliRunner().invoke(main, ["cache", "clear", "feature", "downloads"])
    assert done.exit_code == 2
    assert "Nothing is kept of 'feature'. Did you mean features?" in done.output
    assert (filled / "downloads").exists()


def test_without_the_variable_it_lies_where_the_platform_keeps_such_things(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GENBENCH_CACHE")
    assert cache_.folder("features") == Path(platformdirs.user_cache_dir("genbench")) / "features"
