from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from genbench.errors import GenbenchError
from genbench_datasets import archive

WANTED = {"batches/one.bin": 4, "batches/two.bin": 4}


def made(path: Path, *more: tarfile.TarInfo, wanted: bool = True) -> Path:
    """An archive with what is wanted, after other members."""
    with tarfile.open(path, "w:gz") as tar:
        for member in more:
            tar.addfile(member, io.BytesIO(bytes(member.size)))
        if wanted:
            for name in WANTED:
                tar.addfile(member_of(name, size=4), io.BytesIO(name[-7:-3].encode()))
    return path


def member_of(
    name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = ""
) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.size, member.linkname = kind, size, link
    return member


def test_wanted_members_are_read_and_others_are_left(tmp_path: Path) -> None:
    path = made(
        tmp_path / "a.tar.gz",
        member_of("batches", tarfile.DIRTYPE),
        member_of("batches/readme.html", size=88),
    )
    assert archive.members(path, WANTED) == {"batches/one.bin": b"one.", "batches/two.bin": b"two."}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.tar.gz"]


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (member_of("/etc/cron.d/x"), "lies outside"),
        (member_of("batches/../../x"), "lies outside"),
        (member_of("..\\x"), "lies outside"),
        (member_of("x", tarfile.SYMTYPE, link="/etc/passwd"), "is a link, to '/etc/passwd'"),
        (member_of("batches/one.bin", tarfile.LNKTYPE, link="x"), "is a link, to 'x'"),
        (member_of("x", tarfile.CHRTYPE), "is neither a plain file nor a folder"),
        (member_of("x", tarfile.BLKTYPE), "is neither a plain file nor a folder"),
        (member_of("x", tarfile.FIFOTYPE), "is neither a plain file nor a folder"),
        (member_of("batches/one.bin", tarfile.DIRTYPE), "is no plain file"),
        (member_of("batches/one.bin", size=5), "has 5 bytes, not 4"),
        (member_of("batches/one.bin", size=4), "is there twice"),
        (member_of("big", size=archive.MOST_SPARE_BYTES + 1), "and is not expected"),
    ],
    ids=lambda value: value.name if isinstance(value, tarfile.TarInfo) else "",
)
def test_an_unsound_member_is_refused_by_name(
    tmp_path: Path, member: tarfile.TarInfo, why: str
) -> None:
    path = made(tmp_path / "a.tar.gz", member)
    with pytest.raises(GenbenchError) as caught:
        archive.members(path, WANTED)
    assert str(path) in str(caught.value)
    assert repr(member.name) in str(caught.value)
    assert why in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.tar.gz"]


def test_a_missing_member_is_named(tmp_path: Path) -> None:
    path = made(tmp_path / "a.tar.gz", wanted=False)
    with pytest.raises(GenbenchError, match=r"a\.tar\.gz has no member 'batches/one\.bin'"):
        archive.members(path, WANTED)


@pytest.mark.parametrize("lost", [1, 60, 150])
def test_a_torn_archive_is_named(tmp_path: Path, lost: int) -> None:
    path = made(tmp_path / "a.tar.gz", member_of("x", size=1000))
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(GenbenchError, match=r"a\.tar\.gz is no whole \.tar\.gz archive"):
        archive.members(path, WANTED)


def test_an_archive_with_a_flipped_bit_is_named(tmp_path: Path) -> None:
    path = made(tmp_path / "a.tar.gz")
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # of gzip's checksum
    path.write_bytes(content)
    with pytest.raises(GenbenchError, match=r"no whole \.tar\.gz archive: CRC check failed"):
        archive.members(path, WANTED)


def test_what_is_no_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_text("<html>")
    with pytest.raises(GenbenchError, match=r"a\.tar\.gz is no whole \.tar\.gz archive"):
        archive.members(path, WANTED)
