"""The leaderboard's files."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genbench.errors import StoreError
from genbench.leaderboard import manifest, store
from genbench.leaderboard.repair import repair
from genbench.leaderboard.schema import COLUMNS, SCHEMA, Row


def row(run_id: str = "toy-s0-1", **columns: Any) -> Row:
    return {
        "run_id": run_id, "training_id": "t", "created": datetime(2026, 1, 1, tzinfo=UTC),
        "status": "ok", "model": "toy", "model_options": "{}", "model_code": "c",
        "dataset": "d", "dataset_options": "{}", "protocol": "p", "protocol_fingerprint": "f",
        "seed": 0, "metrics": "[]", "device": "cpu", "genbench": "0", "score": "fid",
        "value": 1.5, **columns,
    }  # fmt: skip


def test_rows_come_back_as_they_were_committed(tmp_path: Path) -> None:
    path = store.commit(tmp_path, [row(value=0.1 + 0.2), row(value=None, reason="none")])
    assert path.name == "toy-s0-1.parquet"
    rows = store.rows_of(store.read(tmp_path))
    assert [r["value"] for r in rows] == [0.1 + 0.2, None]
    assert rows[0]["created"] == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_file_holds_one_run_and_no_temporary_is_left(tmp_path: Path) -> None:
    store.commit(tmp_path, [row("a-1")])
    store.commit(tmp_path, [row("b-1"), row("b-1")])
    store.commit(tmp_path, [row("a-1", value=2.0)])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(".gate", ".lock", "_manifest.jsonl", "a-1.parquet", "b-1.parquet"),
    ]
    assert sorted(r["value"] for r in store.rows_of(store.read(tmp_path))) == [1.5, 1.5, 2.0]
    with pytest.raises(ValueError, match="holds one run"):
        store.commit(tmp_path, [row("a-1"), row("b-1")])


def test_the_schema_is_explicit_versioned_and_checked_when_written(tmp_path: Path) -> None:
    path = store.commit(tmp_path, [row()])
    assert pq.read_schema(path).equals(SCHEMA)
    assert pq.read_schema(path).metadata[b"genbench.schema"] == b"1"
    with pytest.raises(StoreError, match="cannot be written"):
        store.commit(tmp_path, [row(seed="not a number")])


def test_page_checksums_are_on(tmp_path: Path) -> None:
    path = store.commit(tmp_path, [row(model=f"model-{n}") for n in range(100)])
    # What they are for: a file that no manifest lists.
    path = path.rename(tmp_path.parent / path.name)
    content = path.read_bytes()
    # Within the pages, ahead of the footer, a flipped bit must never be read as other data.
    good = store.rows_of(store.read_file(path))
    refused = []
    rng = random.Random(0)
    for _ in range(60):
        position = rng.randrange(4, len(content) // 3)
        mutated = bytearray(content)
        mutated[position] ^= 1 << rng.randrange(8)
        path.write_bytes(mutated)
        try:
            assert store.rows_of(store.read_file(path)) == good
        except StoreError as error:
            refused.append(str(error))
    assert len(refused) > 30
    assert all(str(path) in message for message in refused)


def test_damage_that_parquet_does_not_notice_is_refused_by_the_manifest(tmp_path: Path) -> None:
    path = store.commit(tmp_path, [row()])
    content = path.read_bytes()
    # In the name of the program that wrote it, which nobody checks.
    changed = content.replace(b"parquet-cpp", b"parquet-cPp")
    lone = tmp_path.parent / "lone.parquet"
    lone.write_bytes(changed)
    assert store.read_file(lone).num_rows == 1
    path.write_bytes(changed)
    with pytest.raises(StoreError, match=r"toy-s0-1\.parquet .* SHA-256 .* leaderboard repair"):
        store.read_file(path)
    with pytest.raises(StoreError, match=r"toy-s0-1\.parquet"):
        store.read_run(tmp_path, "toy-s0-1")


def test_a_file_that_is_replaced_while_it_is_read_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.commit(tmp_path, [row(value=1.0)])
    load = manifest.load

    def late(folder: Path, *, only: str | None = None) -> manifest.Manifest:
        if only:
            monkeypatch.undo()
            store.commit(tmp_path, [row(value=2.0)])
        return load(folder, only=only)

    monkeypatch.setattr(manifest, "load", late)
    found = store.read_run(tmp_path, "toy-s0-1")
    assert found is not None
    assert found["value"].to_pylist() == [2.0]


def test_a_copy_of_a_run_under_another_name_is_refused_and_not_counted(tmp_path: Path) -> None:
    path = store.commit(tmp_path, [row("a-1")])
    shutil.copy(path, tmp_path / "copy.parquet")
    with pytest.raises(StoreError, match=r"copy\.parquet .* the name of one run and rows of a-1"):
        store.read(tmp_path)


def test_the_rows_of_one_run_are_there_or_not(tmp_path: Path) -> None:
    assert store.read_run(tmp_path / "nowhere", "a-1") is None
    store.commit(tmp_path, [row("a-1"), row("a-1")])
    found = store.read_run(tmp_path, "a-1")
    assert found is not None
    assert found.num_rows == 2
    assert store.read_run(tmp_path, "a-2") is None


def test_what_a_dead_writer_of_the_same_run_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    ours, theirs = ".a-1.parquet.01234567.tmp", ".a-1.parquet.b.parquet.01234567.tmp"
    for name in (ours, theirs):
        (tmp_path / name).write_bytes(b"PAR1")
    store.commit(tmp_path, [row("a-1")])
    assert not (tmp_path / ours).exists()
    assert (tmp_path / theirs).exists()


def test_a_leaderboard_without_a_manifest_is_read(tmp_path: Path) -> None:
    store.commit(tmp_path, [row("a-1")])
    (tmp_path / "_manifest.jsonl").unlink()
    store.commit(tmp_path, [row("b-1")])
    assert store.read(tmp_path).num_rows == 2


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[: len(content) // 2], "cannot be read"),
        (lambda content: b"", "cannot be read"),
        (lambda content: b"PAR1 and then nothing of the kind", "cannot be read"),
    ],
    ids=["truncated", "empty", "foreign"],
)
def test_a_file_that_cannot_be_read_is_named_and_left_out_only_if_asked(
    tmp_path: Path, damage: Callable[[bytes], bytes], message: str
) -> None:
    store.commit(tmp_path, [row("good-1")])
    path = store.commit(tmp_path, [row("torn-1")])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StoreError, match=rf"torn-1\.parquet {message}"):
        store.read(tmp_path)
    skipped: list[str] = []
    rows = store.rows_of(store.read(tmp_path, skipped=skipped))
    assert [r["run_id"] for r in rows] == ["good-1"]
    assert len(skipped) == 1
    assert "torn-1.parquet" in skipped[0]


def test_a_parquet_file_of_another_kind_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "foreign.parquet")
    with pytest.raises(StoreError, match=r"foreign\.parquet has leaderboard schema none"):
        store.read(tmp_path)


def test_a_file_of_another_version_says_which(tmp_path: Path) -> None:
    newer = SCHEMA.empty_table().replace_schema_metadata({"genbench.schema": "99"})
    pq.write_table(newer, tmp_path / "newer.parquet")
    with pytest.raises(StoreError, match="has leaderboard schema 99; this genbench reads 1"):
        store.read(tmp_path)


def test_a_leaderboard_that_is_not_there_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"There is no leaderboard at .* genbench run makes one"):
        store.read(tmp_path / "nowhere")


def test_a_folder_that_cannot_be_written_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        store.commit(tmp_path / "file", [row()])


def test_every_column_is_documented_in_the_results_readme() -> None:
    readme = (Path(__file__).parents[2] / "results" / "README.md").read_text(encoding="utf-8")
    for column in COLUMNS:
        null = "yes" if column.nullable else "no"
        line = f"| `{column.name}` | {column.type} | {null} | {column.meaning} |"
        assert line in readme, f"results/README.md lacks: {line}"
    assert readme.count("\n| `") == len(COLUMNS)


def test_a_part_that_is_missing_is_an_error_that_names_it_and_is_never_left_out_in_silence(
    tmp_path: Path,
) -> None:
    for name in ("a", "b"):
        store.commit(tmp_path, [row(run_id=name)])
    (tmp_path / "a.parquet").unlink()
    with pytest.raises(StoreError, match=r"a\.parquet is missing: its manifest says"):
        store.read(tmp_path)
    skipped: list[str] = []
    assert len(store.read(tmp_path, skipped=skipped)) == 1
    assert "a.parquet is missing" in skipped[0]
    repair(tmp_path)
    assert len(store.read(tmp_path)) == 1
