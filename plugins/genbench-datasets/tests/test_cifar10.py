from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genbench.testing
from genbench import data, plan, protocol
from genbench.contract import Dataset
from genbench.errors import GenbenchError
from genbench_datasets.cifar10 import FOLDER, RECORD_BYTES, TEST, TRAIN, Cifar10

RECORDS = 40
FILES = (*TRAIN, TEST)


class Small(Cifar10):
    """CIFAR-10 with few images."""

    published = replace(Cifar10.published, records=RECORDS, validation=20)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the six files, whose records begin with their label twice over."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "cifar"
    folder.mkdir()
    for name in FILES:
        records = rng.integers(0, 256, (RECORDS, RECORD_BYTES), np.uint8)
        records[:, 0] = records[:, 1] = np.arange(RECORDS) % 10
        (folder / name).write_bytes(records.tobytes())
    return folder


@pytest.fixture
def packed(root: Path, tmp_path: Path) -> Path:
    """The archive, as it was published, in a folder of its own."""
    folder = tmp_path / "packed"
    folder.mkdir()
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as tar:
        tar.add(root, FOLDER)
        member = tarfile.TarInfo(f"{FOLDER}/readme.html")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"hello"))
    return folder


def test_it_is_a_data_set() -> None:
    assert isinstance(Cifar10(), Dataset)


def test_files_become_three_splits_of_colour_images(root: Path) -> None:
    splits = Small(root=root).load()
    for split, size in zip(splits, (180, 20, RECORDS), strict=True):
        assert split.x.shape == (size, 3, 32, 32)
        assert split.x.dtype == torch.uint8
        assert split.y is not None
        assert torch.equal(split.x[:, 0, 0, 0].long(), split.y)
    assert torch.bincount(splits.validation.y).tolist() == [2] * 10


def test_a_record_is_red_then_green_then_blue_row_by_row(root: Path) -> None:
    record = np.zeros(RECORD_BYTES, np.uint8)
    record[1 + 5] = 10  # red, row 0, column 5
    record[1 + 1024 + 32] = 20  # green, row 1, column 0
    record[1 + 2048 + 1023] = 30  # blue, the last pixel
    content = (root / TEST).read_bytes()
    (root / TEST).write_bytes(record.tobytes() + content[RECORD_BYTES:])
    x = Small(root=root).load().test.x
    found = x[(x.flatten(1).sum(1) == 60).nonzero().item()]
    assert (found[0, 0, 5], found[1, 1, 0], found[2, 31, 31]) == (10, 20, 30)


def test_the_archive_and_the_folder_it_unpacks_to_serve_as_well(root: Path, packed: Path) -> None:
    expected = data.fingerprint(Small(root=root).load())
    assert data.fingerprint(Small(root=packed).load()) == expected
    assert [path.name for path in packed.iterdir()] == ["cifar-10-binary.tar.gz"]
    with tarfile.open(packed / "cifar-10-binary.tar.gz") as tar:
        # By hand: which ways of unpacking there are, and warn, depends on the version of Python.
        for member in tar.getmembers():
            content = tar.extractfile(member)
            if content is not None:
                (packed / member.name).parent.mkdir(exist_ok=True)
                (packed / member.name).write_bytes(content.read())
    (packed / "cifar-10-binary.tar.gz").unlink()
    assert data.fingerprint(Small(root=packed).load()) == expected


def test_without_a_folder_the_archive_is_downloaded_once(
    root: Path, packed: Path, mirror: Any, cache: Path
) -> None:
    content = (packed / "cifar-10-binary.tar.gz").read_bytes()

    class Served(Small):
        published = replace(
            Small.published, archive=mirror.source("cifar-10-binary.tar.gz", content)
        )

    expected = data.fingerprint(Small(root=root).load())
    assert data.fingerprint(Served().load()) == data.fingerprint(Served().load()) == expected
    assert len(mirror.asked) == 1
    assert (cache / "downloads" / "cifar10" / "cifar-10-binary.tar.gz").read_bytes() == content


def test_a_download_is_named_by_what_is_pinned_and_nothing_is_asked_for(
    packed: Path, mirror: Any, cache: Path
) -> None:
    content = (packed / "cifar-10-binary.tar.gz").read_bytes()

    class Served(Small):
        published = replace(
            Small.published, archive=mirror.source("cifar-10-binary.tar.gz", content)
        )

    pinned = Served().source()
    assert mirror.asked == []
    assert not cache.exists()
    assert pinned != Cifar10().source()
    assert Served(root=packed).source() == pinned  # that very archive, from a folder


@pytest.mark.parametrize("name", FILES)
def test_each_of_the_six_files_is_in_the_source(root: Path, name: str) -> None:
    before = Small(root=root).source()
    assert Small(root=root).source() == before
    (root / name).write_bytes((root / name).read_bytes()[:-1] + b"\0")
    assert Small(root=root).source() != before


def test_the_source_is_that_of_the_files_that_are_read(root: Path, packed: Path) -> None:
    archived = Small(root=packed).source()
    shutil.copytree(root, packed / FOLDER)
    assert Small(root=packed).source() == Small(root=root).source() != archived


def test_other_files_in_the_same_folder_are_another_run(root: Path) -> None:
    def run_id() -> str:
        requests = plan.requests(
            models=["pca"],
            datasets=["cifar10"],
            protocol=protocol.load("smoke"),
            seeds=[0],
            settings={"cifar10": {"root": str(root)}},
        )
        return plan.resolve(requests[0]).run_id

    before = run_id()
    assert run_id() == before
    (root / TEST).write_bytes((root / TEST).read_bytes()[:-1] + b"\0")
    assert run_id() != before


def test_offline_the_message_says_what_to_do(nobody: str, cache: Path) -> None:
    class Offline(Small):
        published = replace(
            Small.published, archive=replace(Small.published.archive, urls=(nobody,))
        )

    with pytest.raises(GenbenchError) as caught:
        Offline().load()
    message = str(caught.value)
    assert str(cache / "downloads" / "cifar10" / "cifar-10-binary.tar.gz") in message
    assert "put it into a folder of yours: --set cifar10.root=DIR." in message


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: b[:-1], r"is not 40 records of 3,073 bytes: they take 122,920.* 122,919"),
        (lambda b: b[:-RECORD_BYTES], r"they take 122,920, and it has 119,847"),
        (lambda b: b + b"x", r"and it has more than that"),
        (lambda b: b"", r"and it has 0"),
        (lambda b: b[:RECORD_BYTES] + b"\x0a" + b[RECORD_BYTES + 1 :], r"label of record 1 .* 10"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(
    root: Path, damage: Callable[[bytes], bytes], message: str
) -> None:
    path = root / "data_batch_3.bin"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(GenbenchError, match=message) as caught:
        Small(root=root).load()
    assert str(path) in str(caught.value)


def test_a_damaged_member_is_named(root: Path, packed: Path) -> None:
    path = packed / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        content = b"\xff" + (root / TEST).read_bytes()[1:]
        (root / TEST).write_bytes(content)
        tar.add(root, FOLDER)
    with pytest.raises(GenbenchError, match=r"tar\.gz: .*/test_batch\.bin: .*record 0 .* is 255"):
        Small(root=packed).load()


def test_a_file_that_is_missing_is_named(root: Path) -> None:
    (root / "data_batch_2.bin").unlink()
    (root / "data_batch_4.bin").unlink()
    with pytest.raises(GenbenchError, match=r"lacks data_batch_2\.bin, data_batch_4\.bin"):
        Small(root=root).load()


def test_a_folder_without_any_is_told_what_belongs_there(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"a pickle")
    with pytest.raises(GenbenchError, match=r"cifar-10-binary\.tar\.gz.*not the one for Python"):
        Small(root=tmp_path).load()


def test_what_was_published_has_fifty_thousand_training_images() -> None:
    published = Cifar10.published
    assert published.records * len(TRAIN) == 50_000
    assert published.file_bytes == 30_730_000
    assert len(bytes.fromhex(published.archive.sha256)) == 32
    assert len(published.archive.urls) == 3


def test_nothing_is_wrong_with_it(root: Path) -> None:
    results = genbench.testing.check(f"{__file__}:Small", options={"root": str(root)})
    assert [str(finding) for result in results for finding in result.findings] == []
