from __future__ import annotations

import gzip
import io
import itertools
import tarfile
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
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


def long_name(n: int) -> tarfile.TarInfo:
    """A header of GNU's, of the name of the next member: ``n`` zeros."""
    return member_of("././@LongLink", tarfile.GNUTYPE_LONGNAME, n)


def hostile(path: Path, blocks: Iterable[bytes]) -> Path:
    """An archive of such blocks, packed as tightly as can be."""
    with gzip.open(path, "wb", 9) as file:
        file.writelines(blocks)
    return path


def sparse() -> bytes:
    """The header of a sparse file whose map goes on in the blocks that follow."""
    header = bytearray(member_of("x", tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT))
    header[482] = 1
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def zeros(n: int) -> Iterator[bytes]:
    for _ in range(n >> 20):
        yield bytes(1 << 20)


@pytest.mark.parametrize(
    "kind",
    [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE],
)
def test_a_long_header_is_refused_before_it_is_unpacked(tmp_path: Path, kind: bytes) -> None:
    size = 64 << 20
    header = member_of("././@LongLink", kind, size).tobuf(tarfile.GNU_FORMAT)
    path = hostile(tmp_path / "a.tar.gz", itertools.chain([header], zeros(size)))
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(
            GenbenchError, match=r"a\.tar\.gz is not used: a header of it has 67,108,864 bytes"
        ):
            archive.members(path, WANTED)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.parametrize(
    ("blocks", "why"),
    [
        (lambda: zeros(64 << 20), "it unpacks to more than 1,048,576 bytes"),  # after the end
        (
            lambda: itertools.chain(
                *([member_of(str(i), size=1 << 20).tobuf(), bytes(1 << 20)] for i in range(64))
            ),
            "it unpacks to more than 1,048,576 bytes",
        ),
        (lambda: [long_name(0).tobuf()] * 2000, "it has more than 104 members and headers"),
        (
            lambda: (member_of(f"x{i}").tobuf() for i in range(2000)),
            "it has more than 104 members and headers",
        ),
        (
            lambda: [
                pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}, 1 << 24),
                b"99999999\n" + b"000000000\n" * (1 << 20),
            ],
            "it unpacks to more than 1,048,576 bytes",
        ),
        (
            lambda: [
                sparse(),
                (b"00000000001\0" * 42 + b"\1" + bytes(7)) * 20_000,
            ],
            "it unpacks to more than 1,048,576 bytes",
        ),
    ],
    ids=["padding", "members", "chain", "empty", "sparse by pax", "sparse"],
)
def test_an_archive_of_more_than_belongs_there_is_not_unpacked(
    tmp_path: Path, blocks: Callable[[], Iterable[bytes]], why: str
) -> None:
    path = hostile(tmp_path / "a.tar.gz", blocks())
    tracemalloc.start()
    try:
        with pytest.raises(GenbenchError, match=rf"a\.tar\.gz is not used: .*{why}"):
            archive.members(path, WANTED)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def pax(headers: dict[str, str], size: int) -> bytes:
    """A member with headers of pax's before it."""
    member = member_of("x", size=size)
    member.pax_headers = headers
    return member.tobuf(tarfile.PAX_FORMAT)


def test_names_and_dates_that_need_a_header_of_their_own_are_read(tmp_path: Path) -> None:
    name = "batches/" + "long" * 60
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=kind) as tar:
            member = member_of(name, size=3)
            member.mtime = 1.5
            tar.addfile(member, io.BytesIO(b"abc"))
        assert archive.members(tmp_path / "a.tar.gz", {name: 3}) == {name: b"abc"}


def test_a_number_in_a_header_that_is_none_is_named(tmp_path: Path) -> None:
    content = [pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}, 512), b"no number\n" * 99]
    path = hostile(tmp_path / "a.tar.gz", content)
    with pytest.raises(GenbenchError, match=r"a\.tar\.gz is no whole \.tar\.gz archive"):
        archive.members(path, WANTED)


def test_what_is_no_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_text("<html>")
    with pytest.raises(GenbenchError, match=r"a\.tar\.gz is no whole \.tar\.gz archive"):
        archive.members(path, WANTED)
