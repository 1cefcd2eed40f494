"""Verification: every problem by name, in a sentence, with what to do."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from genbench.errors import StoreError
from genbench.leaderboard import disk, manifest
from genbench.leaderboard.compact import compact
from genbench.leaderboard.verify import Problem, look, verify

Commit = Callable[..., Path]


def only_problem(folder: Path) -> Problem:
    (problem,) = verify(folder)
    assert problem.problem.endswith(".")
    assert "repair" in problem.remedy
    return problem


def test_a_sound_leaderboard_has_no_problem(folder: Path, commit: Commit) -> None:
    commit("a")
    commit("b")
    commit("a", value=2.0)
    assert verify(folder) == []


def test_a_changed_bit_is_found_wherever_it_is(folder: Path, commit: Commit) -> None:
    path = commit("a")
    content = path.read_bytes()
    for at in range(0, len(content), 97):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        problem = only_problem(folder)
        assert (problem.kind, problem.file) == ("unreadable", "a.parquet")
        assert "its SHA-256 is not that in the manifest" in problem.problem


def test_an_earlier_state_that_came_back_is_found(folder: Path, commit: Commit) -> None:
    path = commit("a")
    earlier = path.read_bytes()
    commit("a", value=2.0)
    path.write_bytes(earlier)
    assert only_problem(folder).kind == "unreadable"


def test_a_lost_file_is_told_with_what_it_held(folder: Path, commit: Commit) -> None:
    commit("a").unlink()
    problem = only_problem(folder)
    assert (problem.kind, problem.file) == ("missing", "a.parquet")
    assert problem.problem == "It was committed and is not there: 1 rows of a."


def test_a_commit_that_died_before_its_rename_is_no_loss(folder: Path, commit: Commit) -> None:
    commit("a")
    manifest.append(folder, "announced", [manifest.Entry("b.parquet", "0" * 64, 1, ("b",))])
    assert verify(folder) == []


def test_a_file_that_the_manifest_does_not_list_is_told(folder: Path, commit: Commit) -> None:
    commit("a")
    (folder / manifest.NAME).unlink()
    assert only_problem(folder).kind == "not-listed"


def test_a_torn_line_of_the_manifest_is_told_by_its_number(folder: Path, commit: Commit) -> None:
    commit("a")
    with (folder / manifest.NAME).open("ab") as file:
        file.write(b'\n{"check": "01')
    problem = only_problem(folder)
    assert (problem.kind, problem.file) == ("manifest", "_manifest.jsonl")
    assert problem.problem.startswith("Line 4 is torn")


def test_what_a_dead_writer_left_is_told(folder: Path, commit: Commit) -> None:
    commit("a")
    (folder / ".b.parquet.01234567.tmp").write_bytes(b"PAR1")
    problem = only_problem(folder)
    assert (problem.kind, problem.file) == ("temporary", ".b.parquet.01234567.tmp")
    assert "b.parquet" in problem.problem


def test_a_run_that_is_there_twice_is_told(folder: Path, commit: Commit, tmp_path: Path) -> None:
    copy = commit("a", into=tmp_path / "other")
    commit("a")
    commit("b")
    compact(folder)
    shutil.copy(copy, folder)
    kinds = {problem.kind: problem for problem in verify(folder)}
    assert "The run a is in compacted+1.parquet too" in kinds["twice"].problem


def test_a_part_with_the_rows_of_another_run_is_told(folder: Path, commit: Commit) -> None:
    shutil.copy(commit("a"), folder / "b.parquet")
    problem = only_problem(folder)
    assert (problem.kind, problem.file) == ("unreadable", "b.parquet")
    assert "it has the name of one run and rows of a" in problem.problem


def test_work_in_progress_is_no_problem(folder: Path, commit: Commit) -> None:
    commit("a")
    temporary = folder / ".b.parquet.01234567.tmp"
    with disk.locked(folder, exclusive=False):
        temporary.write_bytes(b"being written")
        assert [problem.kind for problem in look(folder)] == ["temporary"]
        problems: list[list[Problem]] = []
        verifying = threading.Thread(target=lambda: problems.append(verify(folder)))
        verifying.start()
        verifying.join(0.2)
        assert verifying.is_alive()
        temporary.unlink()
    verifying.join(10)
    assert problems == [[]]


def test_nothing_is_changed_by_looking(folder: Path, commit: Commit) -> None:
    commit("a").write_bytes(b"PAR1 torn")
    (folder / ".b.parquet.01234567.tmp").write_bytes(b"PAR1")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(verify(folder)) == 2
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_without_a_leaderboard_there_is_nothing_to_verify(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no leaderboard at"):
        verify(tmp_path / "nowhere")
